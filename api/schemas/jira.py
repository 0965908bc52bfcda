"""Linking jobs to tickets."""

from pydantic import Field

from api.schemas.answers import Answer
from api.schemas.fields import Body, IssueKey, Name, Quantity, Text
from api.schemas.jobs import JobOut
from shared.jobs import JobDraft


class LinkRequest(Body):
    """An existing job to link, or none: then one is made from the ticket."""

    ticket_key: IssueKey = Field(description="The Jira ticket.", examples=["PI-42"])
    job_id: Text = Field(None, description="The job to link; it has no ticket yet.")
    goal_quantity: Quantity | None = Field(
        None, description="New job: how many. Left out: what the ticket says, else 1."
    )
    name: Name | None = Field(None, description="New job: its name. Left out: the ticket's.")

    def draft(self) -> JobDraft:
        """A job made from the ticket: the fill gives what the caller left out."""
        return JobDraft(
            name=self.name or self.ticket_key,
            goal_quantity=self.goal_quantity or 1,
            jira_ticket_key=self.ticket_key,
            name_from_ticket=self.name is None,
            quantity_from_ticket=self.goal_quantity is None,
        )


class LinkOut(Answer):
    """The job that is linked now."""

    job: JobOut
