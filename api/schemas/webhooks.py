"""Webhook deliveries: requests and answers."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from api.schemas.answers import Answer, Timestamp
from api.schemas.fields import (
    NEXT_PAGE,
    Body,
    Flag,
    Limit,
    Moment,
    PathVariables,
    Query,
    SiteKey,
    Words,
    cursor_of,
    identifier,
    one_of,
)
from shared.ids import Prefix
from shared.states import DeliveryOutcome
from shared.webhooks.queries import DeliveryFilter, DeliveryRow, DeliveryState

State = Annotated[DeliveryState, one_of(DeliveryState)]


class Receipt(Answer):
    """A delivery is stored; it is applied soon after."""

    id: str = Field(examples=["hook_01h455vb4pex5vsknk084sn02q"])


class _Filter(BaseModel):
    """Which deliveries are selected."""

    q: Words | None = Field(None, description="An id, an identifier or a ticket key, whole.")
    outcome: State | None = Field(None, description="With this outcome; `waiting`: none yet.")
    event: Words | None = Field(None, description="Of this kind, e.g. `jira:issue_updated`.")
    ticket_key: SiteKey | None = Field(None, description="About this ticket.")
    signed: Flag | None = Field(None, description="Proven by a signature, or by a token alone.")
    received_since: Moment | None = Field(None, description="Received then or later.")
    received_until: Moment | None = Field(None, description="Received before then.")

    def filters(self) -> DeliveryFilter:
        """The same for shared.webhooks.queries."""
        return DeliveryFilter(
            words=self.q,
            outcome=self.outcome,
            event=self.event,
            ticket_key=self.ticket_key,
            signed=self.signed,
            since=self.received_since,
            until=self.received_until,
        )


class DeliveryQuery(Query, _Filter):
    """Which deliveries, and how many."""

    limit: Limit | None = Field(None, description="Page size; without it, all of them, streamed.")
    cursor: Annotated[str, cursor_of(identifier(Prefix.HOOK))] | None = NEXT_PAGE


class ReplayFilter(Body, _Filter):
    """The list's own filter, as JSON; an empty one matches every delivery."""

    signed: bool | None = None


class ReplayRequest(Body):
    """Which deliveries to apply once more."""

    filter: ReplayFilter = Field(examples=[{"outcome": "failed"}])
    dry_run: bool = Field(default=False, description="Count only.")


class DeliveryOut(Answer):
    """A delivery and its outcome."""

    id: str = Field(examples=["hook_01h455vb4pex5vsknk084sn02q"])
    identifier: str
    event: str | None = None
    ticket_key: str | None = None
    issue_id: str | None = None
    received_at: Timestamp = Field(examples=["2024-01-15T10:30:00.000Z"])
    applied_at: Timestamp | None = None
    outcome: DeliveryOutcome | None = Field(None, description="Absent until it is applied.")
    reason: str | None = None
    duplicates: int
    signed: bool
    tries: int
    next_try_at: Timestamp | None = Field(None, description="Not applied, though tried before.")
    retry: int | None = Field(None, description="Jira's own count of its retries.")
    flow: str | None = Field(None, description="`Primary`, or `Secondary` for bulk changes.")
    body_size: int = Field(description="In bytes.")
    body_kept: bool = Field(description="Whether it can be looked at and replayed.")
    request_id: str | None = None

    @classmethod
    def of(cls, row: DeliveryRow, **more: Any) -> Self:
        """A delivery; ``more`` are the members of a fuller answer."""
        tried_again = row.applied_at is None and row.reason is not None
        return cls.from_row(row, next_try_at=row.due_at if tried_again else None, **more)


class DeliveryDetail(DeliveryOut):
    """A delivery with its body."""

    body: str | None = Field(None, description="As it came; bytes that are no UTF-8 are replaced.")


class DeliveryPath(PathVariables):
    """The delivery in the path of the URL."""

    id: str = Field(description="The delivery's id.", examples=["hook_01h455vb4pex5vsknk084sn02q"])
