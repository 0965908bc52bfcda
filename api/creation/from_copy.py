"""New jobs: filled at once from our own copy of the ticket if the settings allow it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from api.http.ttl_cache import TTLCache
from api.runtime import Runtime, current_runtime
from shared.fill import from_copy
from shared.jobs import queries
from shared.jobs.queries import JobView
from shared.states import TaskStatus
from shared.sync import pauses
from shared.sync.pauses import Pause


def filled_from_copy(session: Session, views: Sequence[JobView]) -> list[JobView]:
    """These jobs, created or linked in this transaction, after a fill from our copy.

    If jobs still wait for Jira, all come with the pause that holds them up, if there is one.
    """
    waiting = [view.job.id for view in views if view.task is not None]
    fresh = current_runtime().settings.jira_copy_fresh_seconds
    filled = from_copy.fill_fresh(session, waiting, fresh_seconds=fresh)
    again = queries.job_views(session, filled)
    found = [again.get(view.job.id, view) for view in views]
    if not is_due(found):
        return found
    pause = _recent_pause(session)
    return [replace(view, pause=pause) for view in found]


def is_due(views: Sequence[JobView]) -> bool:
    """Whether one of them still waits for Jira."""
    return any(view.task is not None and view.task.status == TaskStatus.PENDING for view in views)


def _recent_pause(session: Session) -> Pause | None:
    """The pause as of a second ago at most: not every create has to ask for it."""
    cache = current_runtime().singleton(_pause_cache)
    return cache.get("", lambda: pauses.current(session))


def _pause_cache(runtime: Runtime) -> TTLCache[Pause | None]:
    return TTLCache(runtime.clock)
