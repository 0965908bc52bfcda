"""Tickets that a poll was given and could not use: shown, and read again until they can be."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.settings import Settings
from shared.tickets.projects import NEWEST_SCOPE, newest

MOST = 1000
"""Rows kept, the newest ones."""
KEPT_DAYS = 7
"""A row of a ticket that nobody has met again for so long is deleted."""
RETRY_SECONDS = 600
"""How often such a ticket is read again."""


class Unusable(NamedTuple):
    """A ticket by its key or id, since when it cannot be used, and why."""

    name: str
    since: datetime
    reason: str


_RECORD = text("""
INSERT INTO unusable_tickets AS u (name, scope, reason)
SELECT name, :scope, reason
FROM unnest(CAST(:names AS text[]), CAST(:reasons AS text[])) AS r(name, reason) ORDER BY name
ON CONFLICT (name) DO UPDATE SET scope = excluded.scope, reason = excluded.reason, seen_at = now()
""")
_PRUNE = text("""
DELETE FROM unusable_tickets WHERE seen_at < now() - make_interval(days => :days)
    OR name IN (SELECT name FROM unusable_tickets ORDER BY seen_at DESC OFFSET :most)
""")
_CLEAR = text("DELETE FROM unusable_tickets WHERE name = ANY(:names)")


def record(session: Session, scope: str, reasons: Mapping[str, str]) -> None:
    """Remember these tickets, by name, with what is wrong with each."""
    if reasons:
        values = {"names": list(reasons), "reasons": list(reasons.values())}
        session.execute(_RECORD, {"scope": scope, **values})
        session.execute(_PRUNE, {"days": KEPT_DAYS, "most": MOST})


def clear(session: Session, names: Sequence[str]) -> None:
    """Forget the tickets with these keys and ids: they can be used, or are gone."""
    if names:
        session.execute(_CLEAR, {"names": sorted(names)})


_RENEW = text("""
UPDATE unusable_tickets u SET reason = r.reason, seen_at = now()
FROM unnest(CAST(:names AS text[]), CAST(:reasons AS text[])) AS r(name, reason)
WHERE u.name = r.name
""")


def renew(session: Session, reasons: Mapping[str, str]) -> None:
    """Those of these tickets that are known were read again and still cannot be used."""
    values = {"names": list(reasons), "reasons": list(reasons.values())}
    session.execute(_RENEW, values)


_DUE = text("""
SELECT u.name FROM unusable_tickets u JOIN jira_polls p ON p.scope = u.scope
WHERE p.site_id = :site AND u.seen_at < now() - make_interval(secs => :seconds)
ORDER BY u.seen_at
""")


def due(session: Session, *, site_id: int) -> list[str]:
    """The names of this site's tickets to read again, the oldest first."""
    return list(session.scalars(_DUE, {"site": site_id, "seconds": RETRY_SECONDS}))


_COUNT = text(f"SELECT count(*) FROM unusable_tickets WHERE scope = {NEWEST_SCOPE}")  # noqa: S608  constants alone
_NEWEST = text(f"""
SELECT name, first_seen_at, reason FROM unusable_tickets WHERE scope = {NEWEST_SCOPE}
ORDER BY seen_at DESC, name LIMIT :limit
""")  # noqa: S608  constants alone


def count(session: Session, settings: Settings) -> int:
    """How many there are in the poll of these settings."""
    return int(session.scalar(_COUNT, newest(settings)) or 0)


def page(session: Session, settings: Settings, *, limit: int) -> list[Unusable]:
    """Some of them, those met last first."""
    rows = session.execute(_NEWEST, {**newest(settings), "limit": limit})
    return [Unusable(*row) for row in rows]
