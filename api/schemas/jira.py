"""Linking jobs to tickets."""

from typing import ClassVar

from pydantic import Field

from api.schemas.answers import Answer, Examples
from api.schemas.fields import Body, IssueKey, Name, Quantity, Text
from api.schemas.jobs import JobOut
from shared.jobs.job import JobDraft


class LinkRequest(Body):
    """An existing job to link, or none: then one is made from the ticket."""

    examples: ClassVar[Examples] = {
        "existing": {"ticketKey": "PI-42", "jobId": "job_01h455vb4pex5vsknk084sn02q"},
        "new": {"ticketKey": "PI-42"},
    }

    ticket_key: IssueKey = Field(description="The Jira ticket.")
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
