"""A Jira issue as values: as it was read from Jira, and as our copy shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple


def quantity_unknown(unread: str) -> str:
    """What is said of a quantity that Jira has and that cannot be read for certain."""
    return f"quantity unknown: Jira says '{unread}'"


@dataclass(frozen=True, slots=True)
class FieldNote:
    """Why a Jira field of a job, named by its column, stays empty although the ticket has it."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What Routecard takes from one Jira issue. Absent values are None, never empty.

    Texts carry no NUL and no lone surrogate and are at most 255 characters long: they were
    cleaned at the port. ``updated_at`` is Jira's own ``fields.updated``; ``quantity`` is a whole
    number from 1 to 2147483647; ``quantity_unread`` is what Jira says where that is none.
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
    quantity_unread: str | None = None
    status: str | None = None
    done: bool = False
    notes: tuple[FieldNote, ...] = ()

    def problems(self) -> Iterator[str]:
        """What Jira has that could not be read, a sentence each."""
        yield from (note.message for note in self.notes)
        if self.quantity_unread is not None:
            yield f"{quantity_unknown(self.quantity_unread)}."


_NOT_COPIED = ("issue_id", "updated_at")
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
    quantity_unread: str | None
    status: str | None
    done: bool
    source: str
    jira_updated_at: datetime
    as_of: datetime
    deleted_at: datetime | None
