"""Our copy of Jira's tickets: every statement that changes it."""

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
    """A ticket as our copy now has it: its identity, and every key it is or was known by."""

    issue_id: str
    keys: tuple[str, ...]


_COPIED = ", ".join(COPIED)
_RENEWED = ", ".join(f"{name} = excluded.{name}" for name in COPIED)
# One row an issue, in order of issue id, so that two writers lock them in the same order.
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

_KNOWN = text("SELECT issue_id, key, former_keys FROM tickets WHERE issue_id = ANY(:ids)")


def bring_up_to_date(
    session: Session,
    tickets: Sequence[tuple[str, Ticket]],
    *,
    source: Source,
    read_at: datetime | None = None,
) -> list[TicketKeys]:
    """Take these readings into our copy where they are not older than what it holds.

    ``tickets`` are pairs of the key that was asked for and what came back; where they differ the
    ticket was moved and the asked key is one of its former ones. A reading that is older changes
    nothing, and the copy stays the newer one. ``read_at`` is when it was Jira's state, where that
    was not just now, as with a webhook that had to wait.
    """
    newest: dict[str, dict[str, Any]] = {}
    for asked, ticket in sorted(tickets, key=lambda pair: pair[1].updated_at):
        newest[ticket.issue_id] = _row(asked, ticket, newest.get(ticket.issue_id))
    payload = orjson.dumps(list(newest.values())).decode()
    session.execute(_UPSERT, {"rows": payload, "source": source.value, "read_at": read_at})
    rows = session.execute(_KNOWN, {"ids": list(newest)})
    asked_by_id: dict[str, set[str]] = {}
    for asked, ticket in tickets:
        asked_by_id.setdefault(ticket.issue_id, set()).update((asked, ticket.key))
    return [
        TicketKeys(row.issue_id, tuple({row.key, *row.former_keys} | asked_by_id[row.issue_id]))
        for row in rows
    ]


# Twice denied, some time apart and each time with proven credentials: gone, or hidden from us.
_MISSED = text("""
UPDATE tickets SET
    deleted_at = CASE WHEN missing_since <= now() - make_interval(secs => :apart)
        THEN COALESCE(deleted_at, now()) ELSE deleted_at END,
    missing_since = COALESCE(missing_since, now()), verified_at = now()
WHERE issue_id = ANY(:ids) AND read_at <= :asked_at
""")
_SEEN = text("""
UPDATE tickets SET missing_since = NULL, deleted_at = NULL, verified_at = now()
WHERE issue_id = ANY(:ids) AND (deleted_at IS NULL OR deleted_at <= :asked_at)
""")
_UNUSABLE = text("""
UPDATE tickets SET missing_since = NULL, verified_at = now() WHERE issue_id = ANY(:ids)
""")
_UNVERIFIED = text("""
SELECT issue_id FROM tickets
WHERE verified_at < now() - interval '1 hour' AND (
    (missing_since IS NOT NULL AND deleted_at IS NULL)
    OR (deleted_at IS NULL AND verified_at < now() - interval '1 day')
    OR verified_at < now() - interval '7 days')
ORDER BY verified_at LIMIT :limit
""")
MISSES_APART = 600.0
"""Seconds between two looks that both have to find a ticket gone before that is believed."""


def missed(session: Session, issue_ids: Sequence[str], *, asked_at: datetime) -> None:
    """Jira, asked at ``asked_at``, denied these: not found, or no access. Values are kept."""
    values = {"ids": list(issue_ids), "asked_at": asked_at, "apart": MISSES_APART}
    session.execute(_MISSED, values)


def seen(session: Session, issue_ids: Sequence[str], *, asked_at: datetime) -> None:
    """Jira, asked at ``asked_at``, showed these: whatever was deleted before that is back."""
    session.execute(_SEEN, {"ids": list(issue_ids), "asked_at": asked_at})


def unusable(session: Session, issue_ids: Sequence[str]) -> None:
    """Jira has these tickets but returned them in a form we cannot use: they are not missing."""
    session.execute(_UNUSABLE, {"ids": list(issue_ids)})


def unverified(session: Session, *, limit: int) -> list[str]:
    """Ids of copies nobody has looked after for a day, an hour where missed, a week where gone.

    Deletions never match a search for changes (JIRA.md, pain 16), so copies are looked up.
    """
    return list(session.scalars(_UNVERIFIED, {"limit": limit}))


_STANDING = text("""
SELECT issue_id, key, former_keys, jira_updated_at FROM tickets
WHERE issue_id = ANY(:ids) OR key = ANY(:keys) OR former_keys && CAST(:keys AS text[])
ORDER BY issue_id FOR UPDATE
""")
_DELETED = text("""
UPDATE tickets SET deleted_at = COALESCE(deleted_at, now()) WHERE issue_id = ANY(:ids)
""")


@dataclass(frozen=True, slots=True)
class StoredTicket:
    """What our copy of a ticket says before something new is held against it."""

    issue_id: str
    key: str
    former_keys: list[str]
    updated_at: datetime

    def known(self) -> TicketKeys:
        """The ticket with every key it is or was known by."""
        return TicketKeys(self.issue_id, (self.key, *self.former_keys))


def standing(
    session: Session, *, issue_ids: Sequence[str], keys: Sequence[str]
) -> list[StoredTicket]:
    """Our copies of these tickets, by id or by any key they ever had, locked."""
    rows = session.execute(_STANDING, {"ids": list(issue_ids), "keys": list(keys)})
    return [StoredTicket(*row) for row in rows]


def mark_deleted(session: Session, issue_ids: Sequence[str]) -> None:
    """Jira announced that these tickets are gone; what we know of them stays."""
    session.execute(_DELETED, {"ids": sorted(issue_ids)})


def _row(asked: str, ticket: Ticket, before: dict[str, Any] | None) -> dict[str, Any]:
    former = {asked} - {ticket.key}
    if before is not None:
        former |= {before["key"], *before["former_keys"]} - {ticket.key}
    return {
        **{name: getattr(ticket, name) for name in COPIED},
        "issue_id": ticket.issue_id,
        "former_keys": sorted(former),
        "jira_updated_at": ticket.updated_at,
    }
