"""Examinations: the doctor's looks at the system, asked for or in turn, and what they found."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.models import Examination

EVERY_SECONDS = 300.0
"""So long after one look the next comes by itself."""
LONGEST_SECONDS = 120.0
"""A look that began so long ago died with its worker, and is taken up again."""
KEPT = 20
"""Looks that are kept, the newest."""


class Claimed(NamedTuple):
    """A look that is ours to take; ``asked``: somebody waits for it, about this ticket if any."""

    id: int
    ticket_key: str | None
    asked: bool


# The only open one there can be is brought up to what is asked now, unless it is under way.
_ASK = text("""
INSERT INTO examinations AS e (ticket_key, asked_by) VALUES (:ticket_key, :by)
ON CONFLICT ((true)) WHERE ended_at IS NULL DO UPDATE SET
    ticket_key = COALESCE(excluded.ticket_key, e.ticket_key),
    asked_by = COALESCE(e.asked_by, excluded.asked_by)
WHERE e.started_at IS NULL
RETURNING id
""")
_TAKE = text("""
UPDATE examinations SET started_at = now()
WHERE ended_at IS NULL
    AND (started_at IS NULL OR started_at < now() - make_interval(secs => :longest))
RETURNING id, ticket_key, asked_by IS NOT NULL AS asked
""")
_TAKE_TURN = text("""
INSERT INTO examinations (ticket_key, started_at)
SELECT (SELECT ticket_key FROM examinations ORDER BY id DESC LIMIT 1), now()
WHERE NOT EXISTS (SELECT FROM examinations
    WHERE ended_at IS NULL OR ended_at > now() - make_interval(secs => :every))
ON CONFLICT DO NOTHING
RETURNING id, ticket_key, false AS asked
""")
_NEWEST = text("""
SELECT key FROM tickets WHERE deleted_at IS NULL AND missing_since IS NULL
ORDER BY length(issue_id) DESC, issue_id DESC LIMIT 1
""")
_FINISH = text("""
UPDATE examinations SET ended_at = now(), ticket_key = COALESCE(:ticket_key, ticket_key),
    findings = CAST(:findings AS jsonb), preview = CAST(:preview AS jsonb)
WHERE id = :id AND ended_at IS NULL
""")
_FORGET = text("DELETE FROM examinations WHERE ended_at IS NOT NULL AND id <= :id - :kept")


def ask(session: Session, *, ticket_key: str | None, by: str) -> bool:
    """Ask for a look now, the mapping tried on this ticket. False: one is under way already."""
    values = {"ticket_key": ticket_key, "by": by}
    return session.scalar(_ASK, values) is not None


def claim(session: Session) -> Claimed | None:
    """Take the look that is asked for, or the next in turn; None where there is none to take."""
    row = session.execute(_TAKE, {"longest": LONGEST_SECONDS}).one_or_none()
    if row is None:
        row = session.execute(_TAKE_TURN, {"every": EVERY_SECONDS}).one_or_none()
    return None if row is None else Claimed(row.id, row.ticket_key, row.asked)


def sample_key(session: Session) -> str | None:
    """A ticket to try the mapping on where nobody named one: the newest of our copy."""
    found: str | None = session.scalar(_NEWEST)
    return found


def finish(
    session: Session,
    number: int,
    *,
    findings: Sequence[Mapping[str, str]],
    preview: Mapping[str, Any] | None,
) -> None:
    """Keep what was found. ``preview`` names its ticket as ``key``."""
    values = {
        "id": number,
        "ticket_key": preview["key"] if preview else None,
        "findings": orjson.dumps([dict(one) for one in findings]).decode(),
        "preview": None if preview is None else orjson.dumps(dict(preview)).decode(),
    }
    session.execute(_FINISH, values)
    session.execute(_FORGET, {"id": number, "kept": KEPT})


def latest(session: Session) -> Examination | None:
    """The last look that came to its end."""
    ended = select(Examination).where(Examination.ended_at.is_not(None))
    return session.scalar(ended.order_by(Examination.id.desc()).limit(1))


def under_way(session: Session) -> Examination | None:
    """The look that is asked for or being taken."""
    return session.scalar(select(Examination).where(Examination.ended_at.is_(None)))
