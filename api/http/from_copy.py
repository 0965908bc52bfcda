"""New jobs as they are told of: filled at once from our own copy where the settings allow it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from api.runtime import current_runtime
from shared.fill import from_copy
from shared.jobs import queries
from shared.jobs.queries import JobView
from shared.states import TaskStatus


def filled_from_copy(session: Session, views: Sequence[JobView]) -> list[JobView]:
    """These jobs, made or linked in this transaction, as they are after that.

    Those that still wait come with the pause that holds all of them up, if there is one.
    """
    waiting = [view.job.id for view in views if view.task is not None]
    fresh = current_runtime().settings.jira_copy_fresh_seconds
    filled = from_copy.fill_fresh(session, waiting, fresh_seconds=fresh)
    again = queries.job_views(session, filled)
    found = [again.get(view.job.id, view) for view in views]
    if not is_due(found):
        return found
    pause = current_runtime().pause(session)
    return [replace(view, pause=pause) for view in found]


def is_due(views: Sequence[JobView]) -> bool:
    """Whether one of them still waits for Jira."""
    return any(view.task is not None and view.task.status == TaskStatus.PENDING for view in views)
