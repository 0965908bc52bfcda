"""Our copy of Jira's tickets, and the drift of jobs: requests and answers."""

from typing import Annotated, Self

from pydantic import Field

from api.schemas.answers import Answer, Timestamp
from api.schemas.fields import (
    NEXT_PAGE,
    Flag,
    Limit,
    PathVariables,
    Query,
    Words,
    cursor_of,
)
from shared.states import Source
from shared.tickets.drift import DRIFT_WORDS, Drift, DriftState
from shared.tickets.queries import TicketFilter
from shared.tickets.ticket import TicketRow


def _issue_id(text: str) -> str:
    if not text.isascii() or not text.isdecimal():
        raise ValueError("not an issue id")
    return text


class TicketQuery(Query):
    """Which tickets, and how many."""

    q: Words | None = Field(None, description="Any part of key, summary or part number.")
    project: Words | None = Field(None, description="Of the project with this key.")
    status: Words | None = Field(None, description="With this status, as Jira names it.")
    all: Flag = Field(default=False, description="Done and deleted ones too.")
    limit: Limit | None = Field(None, description="Page size; without it, all of them, streamed.")
    cursor: Annotated[str, cursor_of(_issue_id)] | None = NEXT_PAGE

    def filters(self, *, allowed: tuple[str, ...]) -> TicketFilter:
        """The same for shared.tickets.queries; ``allowed``: Settings.allowed_projects."""
        return TicketFilter(
            q=self.q,
            project=self.project,
            status=self.status,
            done=None if self.all else False,
            deleted=self.all,
            allowed=allowed,
        )


class TicketPath(PathVariables):
    """The ticket in the path of the URL."""

    key: str = Field(description="A key the ticket has or had.", examples=["PI-42"])


class TicketOut(Answer):
    """A ticket as we know it. What is absent is left out."""

    key: str = Field(examples=["PI-42"])
    former_keys: list[str] | None = Field(None, description="Keys it had before it was moved.")
    summary: str | None = None
    part_number: str | None = None
    priority: str | None = None
    epic_link: str | None = None
    labels: list[str] | None = None
    quantity: int | None = None
    quantity_unread: str | None = Field(
        None, description="What Jira says instead of a quantity that is certain."
    )
    status: str | None = Field(None, description="As Jira names it.", examples=["In Progress"])
    done: bool
    url: str | None = Field(None, description="Where people open it.")
    source: Source = Field(description="What brought this state of it.")
    updated_at: Timestamp = Field(description="Its last change in Jira.")
    as_of: Timestamp = Field(description="Up to when this is known to be what Jira says.")
    deleted_at: Timestamp | None = Field(
        None, description="Not found, or no longer to be seen by our account, since."
    )

    @classmethod
    def of(cls, row: TicketRow, *, browse_url: str) -> Self:
        """A ticket from our copy; ``browse_url`` is JIRA_BROWSE_URL."""
        return cls.from_row(
            row,
            former_keys=row.former_keys or None,
            labels=row.labels or None,
            url=f"{browse_url}/browse/{row.key}" if browse_url else None,
            updated_at=row.jira_updated_at,
        )


class FieldDriftOut(Answer):
    """One field of the snapshot beside Jira's."""

    field: str = Field(examples=["jiraPriority"])
    job: str | list[str] | None = None
    jira: str | list[str] | None = None
    same: bool


class DriftOut(Answer):
    """A job's snapshot beside the present values in Jira. Reading it changes nothing."""

    job_id: str
    ticket_key: str | None = None
    state: DriftState
    message: str = Field(description="The state in plain words.")
    moved_to: str | None = Field(None, description="The key the ticket has now.")
    deleted_at: Timestamp | None = None
    as_of: Timestamp | None = Field(
        None, description="When our copy of the ticket was last known to be right."
    )
    fields: list[FieldDriftOut]

    @classmethod
    def of(cls, found: Drift) -> Self:
        """The drift of one job."""
        return cls.from_row(
            found,
            message=DRIFT_WORDS[found.state],
            moved_to=found.jira_key if found.state is DriftState.MOVED else None,
            fields=[FieldDriftOut.from_row(one) for one in found.fields],
        )
