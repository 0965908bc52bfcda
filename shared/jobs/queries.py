"""Reading jobs: one, lists by page, and which of their fills have ended."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, Table, select, text
from sqlalchemy.orm import Session

from shared.database.filtering import contains, distinct_values, plan_for_these_values
from shared.errors import Kind, NotFoundError
from shared.jobs.job import JobRow, JobView, TaskRow
from shared.models import Job, SyncTask, table_of
from shared.states import TaskStatus
from shared.sync import pauses

_JOBS: Table = table_of(Job)
_TASKS: Table = table_of(SyncTask)
_VIEW: Select[Any] = select(
    *(_JOBS.c[name] for name in JobRow._fields), *(_TASKS.c[name] for name in TaskRow._fields)
).select_from(_JOBS.outerjoin(_TASKS, _TASKS.c.job_id == _JOBS.c.id))
_WIDTH = len(JobRow._fields)


def job_view(session: Session, job_id: str) -> JobView:
    """One job as the API and the pages show it. Raises NotFoundError."""
    if found := job_views(session, [job_id]):
        return found[job_id]
    raise NotFoundError(Kind.JOB, job_id)


def job_views(session: Session, job_ids: Collection[str]) -> dict[str, JobView]:
    """These jobs by id, those that exist."""
    if not job_ids:
        return {}
    rows = session.execute(_VIEW.where(_JOBS.c.id.in_(job_ids))).all()
    return {view.job.id: view for view in _views(session, rows)}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a list shows; None means no condition.

    ``words`` is any part of name, ticket key or part number.
    """

    words: str | None = None
    ticket_key: str | None = None
    priority: str | None = None
    label: str | None = None
    status: TaskStatus | None = None
    updated_since: datetime | None = None
    quantity_unknown: bool | None = None


ALL_JOBS = JobFilter()


def jobs_page(
    session: Session, filters: JobFilter = ALL_JOBS, *, limit: int, before: str | None = None
) -> list[JobView]:
    """Up to ``limit`` jobs, newest first, older than the job ``before``."""
    if filters != ALL_JOBS:
        plan_for_these_values(session)
    statement = jobs_statement(limit=limit, before=before, filters=filters)
    return _views(session, session.execute(statement).all())


def jobs_statement(*, limit: int, before: str | None, filters: JobFilter) -> Select[Any]:
    """The query of ``jobs_page``; a test checks its plan."""
    statement = _VIEW.where(*_conditions(filters)).order_by(_JOBS.c.id.desc()).limit(limit)
    return statement if before is None else statement.where(_JOBS.c.id < before)


def _conditions(filters: JobFilter) -> Iterator[ColumnElement[bool]]:
    jobs = _JOBS.c
    if filters.words is not None:
        yield contains(filters.words, jobs.name, jobs.jira_ticket_key, jobs.jira_part_number)
    if filters.ticket_key is not None:
        yield jobs.jira_ticket_key == filters.ticket_key
    if filters.priority is not None:
        yield jobs.jira_priority == filters.priority
    if filters.label is not None:
        yield jobs.jira_labels.contains([filters.label])
    if filters.status is not None:
        yield _TASKS.c.status == filters.status.value
    if filters.updated_since is not None:
        yield jobs.updated_at >= filters.updated_since
    if filters.quantity_unknown is not None:
        unread = jobs.quantity_unread
        yield unread.is_not(None) if filters.quantity_unknown else unread.is_(None)


MOST_PRIORITIES = 30
"""Most priorities that a list offers to choose from; a Jira site has about five."""


def priorities(session: Session) -> list[str]:
    """The priorities that jobs have, in alphabetical order."""
    return distinct_values(session, Job.jira_priority, most=MOST_PRIORITIES)


_NOTED = text("""
SELECT count(*) OVER () AS jobs, id, fill_notes -> 0 ->> 'message' AS message FROM jobs
WHERE fill_notes IS NOT NULL AND jira_filled_at > now() - make_interval(days => :days)
ORDER BY jira_filled_at DESC LIMIT 1
""")


class Noted(NamedTuple):
    """Jobs that lack a value that Jira has: how many, the one filled last, and why."""

    jobs: int
    job_id: str
    message: str


def recently_noted(session: Session, *, days: int) -> Noted | None:
    """The jobs filled within these days that lack a value which could not be read; None: none."""
    row = session.execute(_NOTED, {"days": days}).one_or_none()
    return Noted._make(row) if row else None


_ENDED = text("""
SELECT id FROM sync_tasks WHERE id = ANY(:ids) AND status NOT IN ('pending', 'running')
""")


def ended_tasks(session: Session, task_ids: Collection[str]) -> set[str]:
    """Which of these sync tasks are no longer pending or running."""
    return set(session.scalars(_ENDED, {"ids": list(task_ids)}))


def _views(session: Session, rows: Sequence[Row[Any]]) -> list[JobView]:
    pairs = [(JobRow._make(row[:_WIDTH]), _task(row[_WIDTH:])) for row in rows]
    waiting = any(task and task.status == TaskStatus.PENDING for _, task in pairs)
    pause = pauses.current(session) if waiting else None
    return [JobView(job, task, pause) for job, task in pairs]


def _task(columns: Sequence[Any]) -> TaskRow | None:
    return None if columns[0] is None else TaskRow._make(columns)
