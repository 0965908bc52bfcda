"""Our copy of Jira's tickets, and how jobs differ from it."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from api.http.pagination import decode_cursor
from api.schemas.answers import Answer
from api.schemas.fields import NOT_A_CURSOR, Flag, Query, Words, whole, wrong
from api.schemas.jobs import MAX_LIMIT
from shared.states import Source
from shared.tickets.drift import DriftState
from shared.tickets.queries import TicketFilter


def _issue_id(value: Any) -> str:
    try:
        found = decode_cursor(str(value))
    except ValueError:
        raise wrong(NOT_A_CURSOR) from None
    if not found.isascii() or not found.isdecimal():
        raise wrong(NOT_A_CURSOR)
    return found


class TicketQuery(Query):
    """Which tickets, and how many."""

    q: Words | None = Field(None, description="Any part of key, summary or part number.")
    project: Words | None = Field(None, description="Of the project with this key.")
    status: Words | None = Field(None, description="With this status, as Jira names it.")
    all: Flag = Field(default=False, description="Done and deleted ones too.")
    limit: Annotated[int, whole(least=1, most=MAX_LIMIT)] | None = Field(
        None, description="Page size; without it, all of them, streamed.", ge=1, le=MAX_LIMIT
    )
    cursor: Annotated[str, BeforeValidator(_issue_id)] | None = Field(
        None, description="From the `Link` of the page before."
    )

    def only(self) -> TicketFilter:
        """What shared.tickets.queries looks for."""
        return TicketFilter(
            q=self.q,
            project=self.project,
            status=self.status,
            done=None if self.all else False,
            deleted=self.all,
        )


class TicketPath(BaseModel):
    """The ticket an address names."""

    key: str = Field(
        description="A key the ticket has or had.", json_schema_extra={"example": "PI-42"}
    )


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
    status: str | None = Field(None, description="As Jira names it.", examples=["In Progress"])
    done: bool
    url: str | None = Field(None, description="Where people open it.")
    source: Source = Field(description="What brought this state of it.")
    updated_at: str = Field(description="Its last change in Jira.")
    as_of: str = Field(description="Up to when this is known to be what Jira says.")
    deleted_at: str | None = Field(
        None, description="Not found, or no longer to be seen by our account, since."
    )


class FieldDriftOut(Answer):
    """One field of the snapshot beside Jira's."""

    field: str = Field(examples=["jiraPriority"])
    job: str | list[str] | None = None
    jira: str | list[str] | None = None
    same: bool


class DriftOut(Answer):
    """A job's snapshot beside what Jira says now. Nothing changes by looking."""

    job_id: str
    ticket_key: str | None = None
    state: DriftState
    message: str = Field(description="The state in plain words.")
    moved_to: str | None = Field(None, description="The key the ticket has now.")
    deleted_at: str | None = None
    as_of: str | None = Field(None, description="How old our knowledge of the ticket is.")
    fields: list[FieldDriftOut]
