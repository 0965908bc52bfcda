"""A Jira issue as we use it: cleaned text, mapped fields, no trace of Jira's JSON."""

from dataclasses import dataclass
from datetime import datetime


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
