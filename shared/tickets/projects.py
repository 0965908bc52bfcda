"""The projects of a poll, one by one: a project that Jira does not show holds up no other.

A project is ``polled`` until a check finds that it cannot be (``lost``). A later check that finds
it again makes it ``back``; the next round is for such projects alone (``catching_up``) and reads
them from where they were lost. Then they are ``polled`` again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.settings import ALL_PROJECTS, Settings

CHECK_SECONDS = 300
"""How often a polled project is checked: a hidden one looks as if nothing ever changed in it."""
LOST_CHECK_SECONDS = 60
"""How often a lost project is checked."""
MOST_CHECKS = 10
"""Projects checked before one round, the longest unchecked first."""


class LostProject(NamedTuple):
    """A project that is not polled, since when, and why."""

    project: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The projects of a round. ``catching_up``: they were lost, and are read from ``since``.

    ``since`` None: everything of them is read.
    """

    projects: tuple[str, ...]
    catching_up: bool = False
    since: datetime | None = None


_ADD = text("""
INSERT INTO polled_projects (scope, project) SELECT :scope, unnest(CAST(:projects AS text[]))
ON CONFLICT DO NOTHING
""")
_DUE = text("""
SELECT project FROM polled_projects
WHERE scope = :scope AND (checked_at IS NULL OR checked_at <= now() - make_interval(
    secs => CASE WHEN state = 'lost' THEN :lost_seconds ELSE :seconds END))
ORDER BY checked_at NULLS FIRST, project LIMIT :most
""")


def due(session: Session, scope: str, projects: Sequence[str]) -> list[str]:
    """The projects to check before a new round of this poll."""
    if tuple(projects) == ALL_PROJECTS:
        return []
    session.execute(_ADD, {"scope": scope, "projects": list(projects)})
    values = {
        "scope": scope,
        "lost_seconds": LOST_CHECK_SECONDS,
        "seconds": CHECK_SECONDS,
        "most": MOST_CHECKS,
    }
    return list(session.scalars(_DUE, values))


# What happened since the last good check may be missing, whatever the watermark says: it moved on
# with the other projects.
_LOST = text("""
UPDATE polled_projects q SET
    state = 'lost', reason = :reason, checked_at = now(),
    state_since = CASE WHEN q.state = 'polled' THEN now() ELSE q.state_since END,
    read_up_to = CASE WHEN q.state <> 'polled' THEN q.read_up_to
        WHEN q.checked_at IS NOT NULL AND p.watermark IS NOT NULL
            THEN LEAST(q.checked_at, p.watermark) END
FROM jira_polls p
WHERE p.scope = q.scope AND q.scope = :scope AND q.project = :project
""")
_SEEN = text("""
UPDATE polled_projects SET
    state = CASE WHEN state = 'lost' THEN 'back' ELSE state END, checked_at = now()
WHERE scope = :scope AND project = :project
""")


def lost(session: Session, scope: str, project: str, *, reason: str) -> None:
    """A check found that this project cannot be polled."""
    session.execute(_LOST, {"scope": scope, "project": project, "reason": reason})


def seen(session: Session, scope: str, project: str) -> None:
    """A check found that this project can be polled."""
    session.execute(_SEEN, {"scope": scope, "project": project})


_CATCH_UP = text("""
UPDATE polled_projects SET state = 'catching_up' WHERE scope = :scope AND state = 'back'
""")
_CAUGHT_UP = text("""
UPDATE polled_projects SET
    state = 'polled', state_since = now(), reason = NULL, read_up_to = NULL
WHERE scope = :scope AND state = 'catching_up'
""")
_STATES = text("""
SELECT project, state, read_up_to FROM polled_projects WHERE scope = :scope ORDER BY project
""")


def catch_up(session: Session, scope: str) -> None:
    """A new round begins: if projects are back, it is for them."""
    session.execute(_CATCH_UP, {"scope": scope})


def caught_up(session: Session, scope: str) -> None:
    """A round for projects that were back has read everything."""
    session.execute(_CAUGHT_UP, {"scope": scope})


def select(session: Session, scope: str, projects: Sequence[str]) -> Selection:
    """The projects of the round that runs now."""
    rows = session.execute(_STATES, {"scope": scope}).all()
    back = [row for row in rows if row.state == "catching_up"]
    if back:
        since = [row.read_up_to for row in back]
        return Selection(
            tuple(row.project for row in back),
            catching_up=True,
            since=None if None in since else min(since),
        )
    away = {row.project for row in rows if row.state != "polled"}
    return Selection(tuple(project for project in projects if project not in away))


NEWEST_SCOPE = """
(SELECT scope FROM jira_polls WHERE projects = CAST(:projects AS text[])
    ORDER BY updated_at DESC LIMIT 1)
"""
"""SQL: the scope of the poll of these projects that is in use."""
_LOST_ONES = text(f"""
SELECT project, state_since, COALESCE(reason, '') FROM polled_projects
WHERE scope = {NEWEST_SCOPE} AND state = 'lost' ORDER BY project
""")  # noqa: S608  constants alone


def lost_ones(session: Session, settings: Settings) -> list[LostProject]:
    """The projects in JIRA_PROJECT that cannot be polled; none if nothing is polled."""
    return [LostProject(*row) for row in session.execute(_LOST_ONES, newest(settings))]


def newest(settings: Settings) -> dict[str, list[str]]:
    """The parameter of ``NEWEST_SCOPE``."""
    return {"projects": sorted(settings.jira_project) if settings.jira_poll_seconds else []}
