"""New jobs filled at once from our own copy of their ticket, where the settings allow it."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from api import runtime
from shared import mirror, queries
from shared.queries import JobView
from shared.states import TaskStatus


def filled_from_copy(session: Session, views: Sequence[JobView]) -> list[JobView]:
    """These jobs, made or linked in this transaction, as they are after that."""
    waiting = [view.job.id for view in views if view.task is not None]
    fresh = runtime.runtime().settings.jira_copy_fresh_seconds
    filled = mirror.fill_fresh(session, waiting, fresh_seconds=fresh)
    return [_again(session, view) if view.job.id in filled else view for view in views]


def _again(session: Session, view: JobView) -> JobView:
    return queries.job_view(session, view.job.id) or view


def is_due(views: Sequence[JobView]) -> bool:
    """Whether one of them still waits for Jira."""
    return any(view.task is not None and view.task.status == TaskStatus.PENDING for view in views)
