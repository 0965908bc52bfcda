"""Readings: tickets that came from Jira, and what each proves about key and time.

Every reading has a time ``proven_at``: Jira had this key and these values at that time or later. A
job may be filled with them if it was made before that time, because then its key had these values
while the job was waiting (docs/adr/0018).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.tickets.ticket import Ticket

_ROUNDING = timedelta(milliseconds=1)
"""Jira's times have milliseconds, ours have microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A ticket that a source reported. ``direct``: Jira was asked for it, by key or id.

    ``keys`` are other keys that this reading proves to lead to the ticket: the one that a direct
    read asked for, or the one that a webhook's own changelog says it had until then. ``read_at``
    is when it was reported; None: just now.
    """

    ticket: Ticket
    proven_at: datetime
    read_at: datetime | None = None
    keys: tuple[str, ...] = ()
    direct: bool = False


def read_directly(requested: str, ticket: Ticket, *, asked_at: datetime) -> Reading:
    """Jira was asked for this key at ``asked_at`` or later, by the database's clock."""
    return Reading(
        ticket=ticket, proven_at=asked_at, read_at=asked_at, keys=(requested,), direct=True
    )


def found_by_search(ticket: Ticket) -> Reading:
    """A search showed it. Its index is late by minutes: only the ticket's own time is certain."""
    return Reading(ticket=ticket, proven_at=ticket.updated_at)


def announced(
    ticket: Ticket, *, former_keys: Sequence[str], written_at: datetime, received_at: datetime
) -> Reading:
    """A signed webhook body, written at ``written_at`` by Jira's clock, which may be ahead."""
    return Reading(
        ticket=ticket,
        proven_at=min(written_at + _ROUNDING, received_at),
        read_at=received_at,
        keys=tuple(former_keys),
    )
