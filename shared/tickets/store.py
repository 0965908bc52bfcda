"""Our copy of Jira's tickets: every statement that changes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.states import Source
from shared.tickets.ticket import Ticket


@dataclass(frozen=True, slots=True)
class TicketKeys:
    """A ticket as our copy now has it: its identity, and every key it is or was known by."""

    issue_id: str
    keys: tuple[str, ...]


# One row an issue, in order of issue id, so that two writers lock them in the same order.
_UPSERT = text("""
INSERT INTO tickets AS t (issue_id, key, summary, part_number, priority, epic_link, labels,
    quantity, status, done, former_keys, jira_updated_at, source, read_at, verified_at)
SELECT v.issue_id, v.key, v.summary, v.part_number, v.priority, v.epic_link,
    ARRAY(SELECT jsonb_array_elements_text(v.labels)), v.quantity, v.status, v.done,
    ARRAY(SELECT jsonb_array_elements_text(v.former_keys)), v.jira_updated_at, :source,
    LEAST(now(), CAST(:read_at AS timestamptz)), LEAST(now(), CAST(:read_at AS timestamptz))
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(issue_id text, key text, summary text,
    part_number text, priority text, epic_link text, labels jsonb, quantity int, status text,
    done boolean, former_keys jsonb, jira_updated_at timestamptz)
ORDER BY v.issue_id
ON CONFLICT (issue_id) DO UPDATE SET
    key = excluded.key, summary = excluded.summary, part_number = excluded.part_number,
    priority = excluded.priority, epic_link = excluded.epic_link, labels = excluded.labels,
    quantity = excluded.quantity, status = excluded.status, done = excluded.done,
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
""")

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
        "issue_id": ticket.issue_id,
        "key": ticket.key,
        "summary": ticket.summary,
        "part_number": ticket.part_number,
        "priority": ticket.priority,
        "epic_link": ticket.epic_link,
        "labels": list(ticket.labels),
        "quantity": ticket.quantity,
        "status": ticket.status,
        "done": ticket.done,
        "former_keys": sorted(former),
        "jira_updated_at": ticket.updated_at,
    }
