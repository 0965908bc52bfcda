"""A Jira issue as values: as it was read from Jira, and as our copy shows it."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What Routecard takes from one Jira issue. Absent values are None, never empty.

    Texts carry no NUL and no lone surrogate and are at most 255 characters long: they were
    cleaned at the port. ``updated_at`` is Jira's own ``fields.updated``; ``quantity`` is a whole
    number from 1 to 2147483647; ``quantity_note`` says why one in Jira could not be used.
    """

    issue_id: str
    key: str
    updated_at: datetime
    summary: str | None = None
    part_number: str | None = None
    priority: str | None = None
    epic_link: str | None = None
    labels: tuple[str, ...] = ()
    quantity: int | None = None
    quantity_note: str | None = None
    status: str | None = None
    done: bool = False


_NOT_COPIED = ("issue_id", "updated_at", "quantity_note")
COPIED = tuple(field.name for field in fields(Ticket) if field.name not in _NOT_COPIED)
"""What our copy takes from each new reading, by the name of its column."""


class TicketRow(NamedTuple):
    """A stored ticket.

    ``as_of`` is the latest time at which this is known to be Jira's state: when it was read, or,
    in a polled project, when the last complete round began.
    """

    issue_id: str
    key: str
    former_keys: list[str]
    summary: str | None
    part_number: str | None
    priority: str | None
    epic_link: str | None
    labels: list[str]
    quantity: int | None
    status: str | None
    done: bool
    source: str
    jira_updated_at: datetime
    as_of: datetime
    deleted_at: datetime | None
