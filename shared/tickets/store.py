"""Stored tickets, our copies of Jira's: every statement that changes one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.states import Source
from shared.tickets.ticket import COPIED, Ticket


@dataclass(frozen=True, slots=True)
class TicketKeys:
    """A ticket's issue id and every key it has or had."""

    issue_id: str
    keys: tuple[str, ...]


_COPIED = ", ".join(COPIED)
_RENEWED = ", ".join(f"{name} = excluded.{name}" for name in COPIED)
# One row for each issue, in order of issue id, so that two writers lock them in the same order.
_UPSERT = text(f"""
INSERT INTO tickets AS t (issue_id, {_COPIED}, former_keys, jira_updated_at, source, read_at,
    verified_at)
SELECT issue_id, {_COPIED}, former_keys, jira_updated_at, :source,
    LEAST(now(), CAST(:read_at AS timestamptz)), LEAST(now(), CAST(:read_at AS timestamptz))
FROM jsonb_populate_recordset(CAST(NULL AS tickets), CAST(:rows AS jsonb))
ORDER BY issue_id
ON CONFLICT (issue_id) DO UPDATE SET
    {_RENEWED},
    former_keys = ARRAY(
        SELECT DISTINCT k FROM unnest(t.former_keys || excluded.former_keys || t.key) AS k
        WHERE k <> excluded.key),
    jira_updated_at = excluded.jira_updated_at, source = excluded.source,
    read_at = GREATEST(t.read_at, excluded.read_at),
    verified_at = GREATEST(t.verified_at, excluded.verified_at), missing_since = NULL,
    deleted_at = CASE
        WHEN excluded.source = 'api' OR excluded.jira_updated_at > t.jira_updated_at THEN NULL
        ELSE t.deleted_at END
WHERE excluded.jira_updated_at >= t.jira_updated_at
""")  # noqa: S608  constants alone

_KEYS = text("SELECT issue_id, key, former_keys FROM tickets WHERE issue_id = ANY(:ids)")


def bring_up_to_date(
    session: Session,
    tickets: Sequence[tuple[str, Ticket]],
    *,
    source: Source,
    read_at: datetime | None = None,
) -> list[TicketKeys]:
    """Store these tickets, except those older than their stored copies.

    ``tickets`` pairs the requested key with the ticket that came back. Where the keys differ, the
    ticket was moved and the requested key is a former one. ``read_at`` is when this was Jira's
    state, if that was not just now, as with a delivery that had to wait. Returns the keys of all
    these tickets.
    """
    newest: dict[str, dict[str, Any]] = {}
    for requested, ticket in sorted(tickets, key=lambda pair: pair[1].updated_at):
        newest[ticket.issue_id] = _row(requested, ticket, newest.get(ticket.issue_id))
    payload = orjson.dumps(list(newest.values())).decode()
    session.execute(_UPSERT, {"rows": payload, "source": source.value, "read_at": read_at})
    rows = session.execute(_KEYS, {"ids": list(newest)})
    requested_by_id: dict[str, set[str]] = {}
    for requested, ticket in tickets:
        requested_by_id.setdefault(ticket.issue_id, set()).update((requested, ticket.key))
    return [
        TicketKeys(row.issue_id, tuple({row.key, *row.former_keys} | requested_by_id[row.issue_id]))
        for row in rows
    ]


# Denied twice, some time apart and with proven credentials both times: deleted, or hidden.
_MISSING = text("""
UPDATE tickets SET
    deleted_at = CASE WHEN missing_since <= now() - make_interval(secs => :apart)
        THEN COALESCE(deleted_at, now()) ELSE deleted_at END,
    missing_since = COALESCE(missing_since, now()), verified_at = now()
WHERE issue_id = ANY(:ids) AND read_at <= :requested_at
""")
_FOUND = text("""
UPDATE tickets SET missing_since = NULL, deleted_at = NULL, verified_at = now()
WHERE issue_id = ANY(:ids) AND (deleted_at IS NULL OR deleted_at <= :requested_at)
""")
_UNUSABLE = text("""
UPDATE tickets SET missing_since = NULL, verified_at = now() WHERE issue_id = ANY(:ids)
""")
_ANNOUNCED = text("""
SELECT issue_id FROM tickets WHERE announced_at > verified_at ORDER BY issue_id LIMIT :limit
""")
_UNVERIFIED = text("""
SELECT issue_id FROM tickets
WHERE verified_at < now() - interval '1 hour' AND (
    (missing_since IS NOT NULL AND deleted_at IS NULL)
    OR (deleted_at IS NULL AND verified_at < now() - interval '1 day')
    OR verified_at < now() - interval '7 days')
ORDER BY verified_at LIMIT :limit
""")
MISSING_SECONDS = 600.0
"""A ticket counts as deleted if it is still missing this long after it was missing first."""


def record_missing(session: Session, issue_ids: Sequence[str], *, requested_at: datetime) -> None:
    """Jira denied these in a read at ``requested_at``: not found, or no permission.

    A ticket that is denied a second time counts as deleted; its copy keeps its values.
    """
    values = {"ids": list(issue_ids), "requested_at": requested_at, "apart": MISSING_SECONDS}
    session.execute(_MISSING, values)


def record_found(session: Session, issue_ids: Sequence[str], *, requested_at: datetime) -> None:
    """Jira returned these in a read at ``requested_at``: a deletion known before is revoked."""
    session.execute(_FOUND, {"ids": list(issue_ids), "requested_at": requested_at})


def record_unusable(session: Session, issue_ids: Sequence[str]) -> None:
    """Jira has these tickets but returned them in a form we cannot use: they are not missing."""
    session.execute(_UNUSABLE, {"ids": list(issue_ids)})


def unverified(session: Session, *, limit: int) -> list[str]:
    """Issue ids of copies to look up: announced as changed since, then not verified for a day.

    For a missing ticket the time is an hour, for a deleted one a week. Deletions never match a
    search for changes (JIRA.md, pain 16).
    """
    announced = list(session.scalars(_ANNOUNCED, {"limit": limit}))
    others = session.scalars(_UNVERIFIED, {"limit": limit})
    return list(dict.fromkeys([*announced, *others]))[:limit]


@dataclass(frozen=True, slots=True)
class StoredTicket:
    """A stored ticket as it is before a delivery is applied."""

    issue_id: str
    key: str
    former_keys: list[str]
    updated_at: datetime

    @property
    def all_keys(self) -> tuple[str, ...]:
        """Every key the ticket has or had."""
        return (self.key, *self.former_keys)

    @property
    def ticket_keys(self) -> TicketKeys:
        """The same, with the issue id."""
        return TicketKeys(self.issue_id, self.all_keys)


_LOCK = text("""
SELECT issue_id, key, former_keys, jira_updated_at FROM tickets
WHERE issue_id = ANY(:ids) OR key = ANY(:keys) OR former_keys && CAST(:keys AS text[])
ORDER BY issue_id FOR UPDATE
""")


def lock_stored(
    session: Session, *, issue_ids: Sequence[str], keys: Sequence[str]
) -> list[StoredTicket]:
    """Lock and return the stored tickets with these ids, or that have or had these keys."""
    rows = session.execute(_LOCK, {"ids": list(issue_ids), "keys": list(keys)})
    return [StoredTicket(*row) for row in rows]


_RECORD_ANNOUNCED = text("""
UPDATE tickets SET announced_at = now() WHERE issue_id = ANY(:ids)
""")


def record_announced(session: Session, issue_ids: Sequence[str]) -> None:
    """A hint says that these tickets changed: their copies fill no new job until they are read."""
    session.execute(_RECORD_ANNOUNCED, {"ids": sorted(issue_ids)})


_DELETED = text("""
UPDATE tickets SET deleted_at = COALESCE(deleted_at, now()) WHERE issue_id = ANY(:ids)
""")


def mark_deleted(session: Session, issue_ids: Sequence[str]) -> None:
    """Jira announced the deletion of these tickets; their copies keep their values."""
    session.execute(_DELETED, {"ids": sorted(issue_ids)})


_MOVED_OUT = text("""
UPDATE tickets SET deleted_at = COALESCE(deleted_at, now())
WHERE issue_id = :id AND jira_updated_at <= :changed_at
""")


def mark_moved_out(session: Session, issue_id: str, *, changed_at: datetime) -> None:
    """A ticket is outside the projects of JIRA_PROJECT since its change at ``changed_at``.

    Its copy, if there is an older one, counts as deleted; it takes nothing of the change.
    """
    session.execute(_MOVED_OUT, {"id": issue_id, "changed_at": changed_at})


def _row(requested: str, ticket: Ticket, before: dict[str, Any] | None) -> dict[str, Any]:
    former = {requested} - {ticket.key}
    if before is not None:
        former |= {before["key"], *before["former_keys"]} - {ticket.key}
    return {
        **{name: getattr(ticket, name) for name in COPIED},
        "issue_id": ticket.issue_id,
        "former_keys": sorted(former),
        "jira_updated_at": ticket.updated_at,
    }
