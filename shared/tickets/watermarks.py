"""Progress of the poll, stored in the transaction that stores its tickets."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.database.rows import view_of
from shared.models import JiraPoll
from shared.settings import Settings

DEEP_OVERLAP = timedelta(hours=25)
"""One round a day starts this long before the watermark, to find edits that search showed late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round to begin or to continue.

    ``cursor`` is how far earlier slices of it got; ``watermark`` is where the last round ended;
    the first import has neither. ``deep`` asks for the long overlap. ``new``: it begins now.
    """

    scope: str
    projects: tuple[str, ...]
    cursor: datetime | None
    watermark: datetime | None
    deep: bool
    new: bool


def scope_of(settings: Settings, site_id: int | None) -> str:
    """The key of a watermark: this site, these projects, this mapping of fields.

    Under another mapping the stored tickets would differ, so everything is read again.
    """
    parts = (
        str(site_id),
        *sorted(settings.jira_project),
        "",
        settings.jira_field_part_number,
        settings.jira_field_quantity,
        settings.jira_field_epic_link,
        settings.jira_part_number_pattern,
        settings.jira_quantity_format,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


# Continues the running round, or begins a new one if it is time.
_BEGIN = text("""
INSERT INTO jira_polls AS p (scope, site_id, projects) VALUES (:scope, :site, :projects)
ON CONFLICT (scope) DO UPDATE SET
    projects = excluded.projects,
    running = true,
    began_at = CASE WHEN p.running THEN p.began_at ELSE now() END,
    tickets = CASE WHEN p.running THEN p.tickets ELSE 0 END,
    deep_at = CASE WHEN p.running OR p.deep_at > now() - interval '1 day'
        THEN p.deep_at ELSE now() END,
    updated_at = now()
WHERE p.running OR p.began_at <= now() - make_interval(secs => :every)
RETURNING scope, projects, cursor, watermark, deep_at = began_at AS deep,
    began_at = now() AS new
""")


_IS_DUE = text("""
SELECT NOT EXISTS (SELECT FROM jira_polls WHERE scope = :scope AND NOT running
    AND began_at > now() - make_interval(secs => :every))
""")


def is_due(session: Session, settings: Settings, *, site_id: int, every: float) -> bool:
    """Whether ``begin_round`` would return a round."""
    values = {"scope": scope_of(settings, site_id), "every": every}
    return bool(session.scalar(_IS_DUE, values))


def begin_round(
    session: Session, settings: Settings, *, site_id: int, every: float
) -> Round | None:
    """Continue the running round, or begin one ``every`` seconds after the last one began.

    None if it is not yet time. The caller holds the poll's advisory lock.
    """
    values = {"scope": scope_of(settings, site_id), "projects": sorted(settings.jira_project)}
    row = session.execute(_BEGIN, {**values, "site": site_id, "every": every}).one_or_none()
    return view_of(Round, row, projects=tuple(row.projects)) if row else None


# Never past our own clock: a ticket with a date in the future must not stop the poll for ever.
_ADVANCE = text("""
UPDATE jira_polls SET
    cursor = GREATEST(cursor, CASE WHEN CAST(:watermark AS timestamptz) IS NOT NULL
        THEN LEAST(CAST(:watermark AS timestamptz), now()) END),
    tickets = tickets + :tickets,
    imported = imported + CASE WHEN import_done_at IS NULL THEN :tickets ELSE 0 END,
    refusal = NULL, updated_at = now()
WHERE scope = :scope
""")
_STORED_IN_ROUND = text("""
SELECT count(*) FROM tickets t JOIN jira_polls p ON p.scope = :scope AND p.site_id = t.site_id
WHERE t.issue_id = ANY(:ids) AND t.read_at >= p.began_at
""")
_FINISH = text("""
UPDATE jira_polls SET
    running = false, watermark = GREATEST(watermark, cursor), cursor = NULL,
    complete_as_of = began_at, import_done_at = COALESCE(import_done_at, now()),
    refusal = NULL, updated_at = now()
WHERE scope = :scope
""")
_END_REFUSED = text("""
UPDATE jira_polls SET running = false, refusal = :refusal, updated_at = now(),
    cursor = CASE WHEN :keep_cursor THEN cursor END
WHERE scope = :scope
""")


_END_CATCHING_UP = text("""
UPDATE jira_polls SET running = false, cursor = NULL, refusal = NULL, updated_at = now()
WHERE scope = :scope
""")


def new_in_round(session: Session, scope: str, issue_ids: list[str]) -> int:
    """How many of these this round has not stored yet, so that each is counted once."""
    stored = session.scalar(_STORED_IN_ROUND, {"scope": scope, "ids": issue_ids}) or 0
    return len(issue_ids) - stored


def advance(session: Session, scope: str, *, watermark: datetime | None, tickets: int) -> None:
    """Move the cursor past a page that is stored in this transaction; not without a watermark."""
    values = {"scope": scope, "watermark": watermark, "tickets": tickets}
    session.execute(_ADVANCE, values)


def finish(session: Session, scope: str) -> None:
    """The round has read everything."""
    session.execute(_FINISH, {"scope": scope})


def end_catching_up(session: Session, scope: str) -> None:
    """The round has read everything of the projects that were lost, and of no others."""
    session.execute(_END_CATCHING_UP, {"scope": scope})


def end_refused(session: Session, scope: str, *, reason: str, keep_cursor: bool) -> None:
    """Jira refuses the query, or none of its projects can be polled.

    `routecard doctor` reports it. The next round starts from this one's cursor if it is kept.
    """
    values = {"scope": scope, "refusal": reason, "keep_cursor": keep_cursor}
    session.execute(_END_REFUSED, values)


def progress(session: Session, *, site_id: int | None) -> list[JiraPoll]:
    """Every poll of this site ever begun, the one in use first."""
    polls = select(JiraPoll).where(JiraPoll.site_id == site_id)
    return list(session.scalars(polls.order_by(JiraPoll.updated_at.desc())))
