"""Stored tickets, our copies of Jira's: every statement that changes one.

All of them name the site, because ids and keys are unique in one Jira only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.states import Source
from shared.tickets.readings import Reading
from shared.tickets.ticket import COPIED


@dataclass(frozen=True, slots=True)
class StoredTicket:
    """A stored ticket. ``key_lost``: another ticket has its key now, and its own is unknown."""

    issue_id: str
    key: str
    former_keys: list[str]
    updated_at: datetime
    proven_at: datetime
    key_lost: bool

    @property
    def all_keys(self) -> tuple[str, ...]:
        """Every key the ticket has or had."""
        return (self.key, *self.former_keys)

    def holds(self, reading: Reading) -> bool:
        """Whether this is the reading's version of the ticket, under the reading's key."""
        same = self.updated_at == reading.ticket.updated_at
        return same and self.key == reading.ticket.key and not self.key_lost

    def contradicts(self, reading: Reading) -> bool:
        """Whether order of change and order of proof differ, as after a restore from a backup."""
        changed_later = reading.ticket.updated_at > self.updated_at
        same = reading.ticket.updated_at == self.updated_at
        return not same and changed_later != (reading.proven_at > self.proven_at)


_COPIED = ", ".join(COPIED)
_RENEWED = ", ".join(f"{name} = excluded.{name}" for name in COPIED if name != "key")
# One row for each issue, in order of issue id, so that two writers lock them in the same order.
# A direct read that was asked after the copy's own time always wins, whatever ``updated`` says:
# Jira may have been restored from a backup. Any other reading wins if it is newer by both times,
# or the same version; then the key is that of the later proof.
_KEY = "CASE WHEN excluded.proven_at < t.proven_at THEN t.key ELSE excluded.key END"
_UPSERT = text(f"""
INSERT INTO tickets AS t (site_id, issue_id, {_COPIED}, former_keys, jira_updated_at, source,
    read_at, verified_at, proven_at)
SELECT :site, issue_id, {_COPIED}, former_keys, jira_updated_at, :source,
    LEAST(now(), read_at), LEAST(now(), read_at), LEAST(now(), proven_at)
FROM jsonb_populate_recordset(CAST(NULL AS tickets), CAST(:rows AS jsonb))
ORDER BY issue_id
ON CONFLICT (site_id, issue_id) DO UPDATE SET
    {_RENEWED},
    key = {_KEY},
    former_keys = ARRAY(
        SELECT DISTINCT k
        FROM unnest(t.former_keys || excluded.former_keys || t.key || excluded.key) AS k
        WHERE k <> {_KEY}),
    jira_updated_at = excluded.jira_updated_at, source = excluded.source,
    read_at = GREATEST(t.read_at, excluded.read_at),
    verified_at = GREATEST(t.verified_at, excluded.verified_at), missing_since = NULL,
    proven_at = CASE WHEN excluded.jira_updated_at = t.jira_updated_at
        THEN GREATEST(t.proven_at, excluded.proven_at) ELSE excluded.proven_at END,
    key_lost_at = CASE WHEN excluded.proven_at < t.proven_at THEN t.key_lost_at END,
    deleted_at = CASE
        WHEN :direct OR (excluded.jira_updated_at > t.jira_updated_at
            AND excluded.proven_at > t.deleted_at) THEN NULL
        ELSE t.deleted_at END
WHERE excluded.jira_updated_at = t.jira_updated_at
    OR (excluded.proven_at >= t.proven_at
        AND (:direct OR excluded.jira_updated_at > t.jira_updated_at))
""")  # noqa: S608  constants alone

_STORED = "issue_id, key, former_keys, jira_updated_at, proven_at, key_lost_at IS NOT NULL"
# Of several tickets with one key the one that was proven last has it. A direct read that was led
# from one key to a ticket with another proves that no ticket has the first one.
_LOSE_KEYS = text("""
WITH ranked AS (
    SELECT issue_id, row_number() OVER (
        PARTITION BY key ORDER BY proven_at DESC, length(issue_id) DESC, issue_id DESC) AS place
    FROM tickets WHERE site_id = :site AND key = ANY(:keys) AND key_lost_at IS NULL
)
UPDATE tickets t SET key_lost_at = now(), announced_at = now()
FROM ranked r WHERE t.site_id = :site AND t.issue_id = r.issue_id
    AND (r.place > 1 OR (t.key = ANY(:left) AND t.proven_at <= :asked_at))
""")
_READ_STORED = text(f"""
SELECT {_STORED} AS key_lost, EXISTS (
    SELECT FROM tickets o WHERE o.site_id = t.site_id AND o.key = t.key
        AND o.issue_id <> t.issue_id AND o.key_lost_at IS NULL AND t.key_lost_at IS NULL) AS shared
FROM tickets t WHERE site_id = :site AND issue_id = ANY(:ids)
""")  # noqa: S608  constants alone


def bring_up_to_date(
    session: Session, readings: Sequence[Reading], *, site_id: int, source: Source
) -> dict[str, StoredTicket]:
    """Store these readings, except those that must not replace their stored copies.

    A copy that a reading contradicts is read again soon. Returns the stored tickets of all these
    readings, by issue id.
    """
    newest: dict[str, dict[str, Any]] = {}
    for reading in sorted(readings, key=lambda one: (one.ticket.updated_at, one.proven_at)):
        issue_id = reading.ticket.issue_id
        newest[issue_id] = _row(reading, newest.get(issue_id))
    payload = orjson.dumps(list(newest.values())).decode()
    direct = any(reading.direct for reading in readings)
    values = {"site": site_id, "source": source.value, "direct": direct}
    session.execute(_UPSERT, {**values, "rows": payload})
    stored = _settled(session, readings, site_id=site_id)
    doubtful = [r.ticket.issue_id for r in readings if stored[r.ticket.issue_id].contradicts(r)]
    if doubtful:
        record_announced(session, doubtful, site_id=site_id)
    return stored


def _settled(
    session: Session, readings: Sequence[Reading], *, site_id: int
) -> dict[str, StoredTicket]:
    """The copies by issue id, once one ticket has each key: in one Jira no two have the same."""
    values = {"site": site_id, "ids": list({reading.ticket.issue_id for reading in readings})}
    rows = session.execute(_READ_STORED, values).all()
    direct = [reading for reading in readings if reading.direct]
    left = sorted({key for r in direct for key in r.keys if key != r.ticket.key})
    if left or any(row.shared for row in rows):
        asked_at = min((reading.proven_at for reading in direct), default=None)
        keys = {"keys": [*{row.key for row in rows}, *left], "left": left, "asked_at": asked_at}
        session.execute(_LOSE_KEYS, {**values, **keys})
        rows = session.execute(_READ_STORED, values).all()
    return {row.issue_id: StoredTicket(*row[:-1]) for row in rows}


# Denied twice, some time apart and with proven credentials both times: deleted, or hidden.
_MISSING = text("""
UPDATE tickets SET
    deleted_at = CASE WHEN missing_since <= now() - make_interval(secs => :apart)
        THEN COALESCE(deleted_at, now()) ELSE deleted_at END,
    missing_since = COALESCE(missing_since, now()), verified_at = now()
WHERE site_id = :site AND issue_id = ANY(:ids) AND read_at <= :requested_at
""")
_FOUND = text("""
UPDATE tickets SET missing_since = NULL, deleted_at = NULL, verified_at = now()
WHERE site_id = :site AND issue_id = ANY(:ids)
    AND (deleted_at IS NULL OR deleted_at <= :requested_at)
""")
_UNUSABLE = text("""
UPDATE tickets SET missing_since = NULL, verified_at = now()
WHERE site_id = :site AND issue_id = ANY(:ids)
""")
_ANNOUNCED = text("""
SELECT issue_id FROM tickets WHERE site_id = :site AND announced_at > verified_at
ORDER BY issue_id LIMIT :limit
""")
_UNVERIFIED = text("""
SELECT issue_id FROM tickets
WHERE site_id = :site AND verified_at < now() - interval '1 hour' AND (
    (missing_since IS NOT NULL AND deleted_at IS NULL)
    OR (deleted_at IS NULL AND verified_at < now() - interval '1 day')
    OR verified_at < now() - interval '7 days')
ORDER BY verified_at LIMIT :limit
""")
MISSING_SECONDS = 600.0
"""A ticket counts as deleted if it is still missing this long after it was missing first."""


def record_missing(
    session: Session, issue_ids: Sequence[str], *, site_id: int, requested_at: datetime
) -> None:
    """Jira denied these in a read at ``requested_at``: not found, or no permission.

    A ticket that is denied a second time counts as deleted; its copy keeps its values.
    """
    values = {"site": site_id, "ids": list(issue_ids), "requested_at": requested_at}
    session.execute(_MISSING, {**values, "apart": MISSING_SECONDS})


def record_found(
    session: Session, issue_ids: Sequence[str], *, site_id: int, requested_at: datetime
) -> None:
    """Jira returned these in a read at ``requested_at``: a deletion known before is revoked."""
    values = {"site": site_id, "ids": list(issue_ids), "requested_at": requested_at}
    session.execute(_FOUND, values)


def record_unusable(session: Session, issue_ids: Sequence[str], *, site_id: int) -> None:
    """Jira has these tickets but returned them in a form we cannot use: they are not missing."""
    session.execute(_UNUSABLE, {"site": site_id, "ids": list(issue_ids)})


def unverified(session: Session, *, site_id: int, limit: int) -> list[str]:
    """Issue ids of copies to look up: announced as changed since, then not verified for a day.

    For a missing ticket the time is an hour, for a deleted one a week. Deletions never match a
    search for changes (JIRA.md, pain 16).
    """
    values = {"site": site_id, "limit": limit}
    announced = list(session.scalars(_ANNOUNCED, values))
    others = session.scalars(_UNVERIFIED, values)
    return list(dict.fromkeys([*announced, *others]))[:limit]


_LOCK = text(f"""
SELECT {_STORED} FROM tickets
WHERE site_id = :site
    AND (issue_id = ANY(:ids) OR key = ANY(:keys) OR former_keys && CAST(:keys AS text[]))
ORDER BY issue_id FOR UPDATE
""")  # noqa: S608  constants alone


def lock_stored(
    session: Session, *, site_id: int, issue_ids: Sequence[str], keys: Sequence[str]
) -> list[StoredTicket]:
    """Lock and return the stored tickets with these ids, or that have or had these keys."""
    values = {"site": site_id, "ids": list(issue_ids), "keys": list(keys)}
    return [StoredTicket(*row) for row in session.execute(_LOCK, values)]


_RECORD_ANNOUNCED = text("""
UPDATE tickets SET announced_at = now() WHERE site_id = :site AND issue_id = ANY(:ids)
""")


def record_announced(session: Session, issue_ids: Sequence[str], *, site_id: int) -> None:
    """These tickets are said to have changed, or their copies may be wrong.

    The copies fill no new job, and are the first to be read again.
    """
    session.execute(_RECORD_ANNOUNCED, {"site": site_id, "ids": sorted(issue_ids)})


# A ticket that Jira showed after its deletion was restored.
_DELETED = text("""
UPDATE tickets SET deleted_at = COALESCE(deleted_at, LEAST(now(), CAST(:at AS timestamptz)))
WHERE site_id = :site AND issue_id = :id AND proven_at <= :at + interval '1 millisecond'
""")


def mark_deleted(session: Session, issue_id: str, *, site_id: int, announced_at: datetime) -> None:
    """Jira announced the deletion at that time; the copy keeps its values."""
    session.execute(_DELETED, {"site": site_id, "id": issue_id, "at": announced_at})


_MOVED_OUT = text("""
UPDATE tickets SET deleted_at = COALESCE(deleted_at, now())
WHERE site_id = :site AND issue_id = :id AND jira_updated_at <= :changed_at
""")


def mark_moved_out(session: Session, issue_id: str, *, site_id: int, changed_at: datetime) -> None:
    """A ticket is outside the projects of JIRA_PROJECT since its change at ``changed_at``.

    Its copy, if there is an older one, counts as deleted; it takes nothing of the change.
    """
    session.execute(_MOVED_OUT, {"site": site_id, "id": issue_id, "changed_at": changed_at})


def _row(reading: Reading, before: dict[str, Any] | None) -> dict[str, Any]:
    ticket = reading.ticket
    former = {*reading.keys} - {ticket.key}
    if before is not None:
        former |= {before["key"], *before["former_keys"]} - {ticket.key}
    return {
        **{name: getattr(ticket, name) for name in COPIED},
        "issue_id": ticket.issue_id,
        "former_keys": sorted(former),
        "jira_updated_at": ticket.updated_at,
        "proven_at": reading.proven_at,
        "read_at": reading.read_at,
    }
