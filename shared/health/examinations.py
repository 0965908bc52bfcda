"""Examinations: runs of the doctor in a worker, on request or regularly, and their findings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.models import Examination
from shared.tickets.queries import ALLOWED

EVERY_SECONDS = 300.0
"""A regular examination starts this long after the last one."""
LONGEST_SECONDS = 120.0
"""An examination that started longer ago is started again, because its worker has died."""
KEPT = 20
"""How many examinations are kept, the newest ones."""


class Claimed(NamedTuple):
    """An examination to do now; ``requested``: an operator waits for it.

    ``started_at`` fences: if the examination was started again since, this claim ends nothing.
    """

    id: int
    ticket_key: str | None
    requested: bool
    started_at: datetime


# At most one is open. The request is added to it, unless it has started.
_REQUEST = text("""
INSERT INTO examinations AS e (ticket_key, requested_by) VALUES (:ticket_key, :by)
ON CONFLICT ((true)) WHERE ended_at IS NULL DO UPDATE SET
    ticket_key = COALESCE(excluded.ticket_key, e.ticket_key),
    requested_by = COALESCE(e.requested_by, excluded.requested_by)
WHERE e.started_at IS NULL
RETURNING id
""")
_START_REQUESTED = text("""
UPDATE examinations SET started_at = now()
WHERE ended_at IS NULL
    AND (started_at IS NULL OR started_at < now() - make_interval(secs => :longest))
RETURNING id, ticket_key, requested_by IS NOT NULL AS requested, started_at
""")
_START_REGULAR = text("""
INSERT INTO examinations (ticket_key, started_at)
SELECT (SELECT ticket_key FROM examinations ORDER BY id DESC LIMIT 1), now()
WHERE NOT EXISTS (SELECT FROM examinations
    WHERE ended_at IS NULL OR ended_at > now() - make_interval(secs => :every))
ON CONFLICT DO NOTHING
RETURNING id, ticket_key, false AS requested, started_at
""")
_NEWEST_TICKET = text(f"""
SELECT t.key FROM tickets t
WHERE t.site_id = :site AND t.deleted_at IS NULL AND t.missing_since IS NULL
    AND t.key_lost_at IS NULL AND {ALLOWED}
ORDER BY length(t.issue_id) DESC, t.issue_id DESC LIMIT 1
""")  # noqa: S608  constants alone
_FINISH = text("""
UPDATE examinations SET ended_at = now(), ticket_key = COALESCE(:ticket_key, ticket_key),
    findings = CAST(:findings AS jsonb), preview = CAST(:preview AS jsonb)
WHERE id = :id AND started_at = :started_at AND ended_at IS NULL
""")
_PRUNE = text("DELETE FROM examinations WHERE ended_at IS NOT NULL AND id <= :id - :kept")


def request(session: Session, *, ticket_key: str | None, by: str) -> bool:
    """Request an examination now, with this ticket. False: one is running already."""
    values = {"ticket_key": ticket_key, "by": by}
    return session.scalar(_REQUEST, values) is not None


def claim(session: Session) -> Claimed | None:
    """Start the requested examination, or a regular one that is due; None if there is neither."""
    row = session.execute(_START_REQUESTED, {"longest": LONGEST_SECONDS}).one_or_none()
    if row is None:
        row = session.execute(_START_REGULAR, {"every": EVERY_SECONDS}).one_or_none()
    return None if row is None else Claimed(*row)


def sample_key(session: Session, *, site_id: int | None, allowed: Sequence[str]) -> str | None:
    """A ticket to try the field mapping on if the request names none: the site's newest one.

    ``allowed`` are the only projects it may be in; empty: all.
    """
    values = {"site": site_id, "allowed": list(allowed)}
    found: str | None = session.scalar(_NEWEST_TICKET, values)
    return found


def finish(
    session: Session,
    claimed: Claimed,
    *,
    findings: Sequence[Mapping[str, str]],
    preview: Mapping[str, Any] | None,
) -> None:
    """Store the findings and delete old examinations. ``preview`` has its ticket as ``key``."""
    values = {
        "id": claimed.id,
        "started_at": claimed.started_at,
        "ticket_key": preview["key"] if preview else None,
        "findings": orjson.dumps([dict(one) for one in findings]).decode(),
        "preview": None if preview is None else orjson.dumps(dict(preview)).decode(),
    }
    session.execute(_FINISH, values)
    session.execute(_PRUNE, {"id": claimed.id, "kept": KEPT})


def latest(session: Session) -> Examination | None:
    """The last examination that has ended."""
    ended = select(Examination).where(Examination.ended_at.is_not(None))
    return session.scalar(ended.order_by(Examination.id.desc()).limit(1))


def open_one(session: Session) -> Examination | None:
    """The examination that is requested or running."""
    return session.scalar(select(Examination).where(Examination.ended_at.is_(None)))
