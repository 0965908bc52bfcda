"""Read models: what lists, pages and answers show, without changing anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, Table, select, text
from sqlalchemy.orm import Session

from shared import pauses
from shared.models import Job, SyncTask, table_of
from shared.pauses import Pause
from shared.states import TaskStatus


class JobRow(NamedTuple):
    """The columns of a job that anybody is shown, in the order of the query."""

    id: str
    name: str
    goal_quantity: int
    jira_ticket_key: str | None
    jira_ticket_summary: str | None
    jira_part_number: str | None
    jira_priority: str | None
    jira_epic_link: str | None
    jira_labels: list[str] | None
    version: int
    created_at: datetime
    updated_at: datetime


class TaskRow(NamedTuple):
    """The columns of a sync task that are shown beside its job."""

    id: str
    status: str
    attempts: int
    due_at: datetime
    source: str | None
    filled_at: datetime | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job beside its sync task, if it ever had one, and what holds that up, if anything."""

    job: Job | JobRow
    task: SyncTask | TaskRow | None
    pause: Pause | None = None


_JOBS: Table = table_of(Job)
_TASKS: Table = table_of(SyncTask)
_VIEW: Select[Any] = select(
    *(_JOBS.c[name] for name in JobRow._fields), *(_TASKS.c[name] for name in TaskRow._fields)
).select_from(_JOBS.outerjoin(_TASKS, _TASKS.c.job_id == _JOBS.c.id))
_WIDTH = len(JobRow._fields)


def job_view(session: Session, job_id: str) -> JobView | None:
    """One job as the API and the pages show it; None where there is none."""
    row = session.execute(_VIEW.where(_JOBS.c.id == job_id)).one_or_none()
    return _views(session, [row])[0] if row else None


def jobs_page(session: Session, *, limit: int, before: str | None = None) -> list[JobView]:
    """Up to ``limit`` jobs, newest first, older than the job ``before``."""
    statement = _VIEW.order_by(_JOBS.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(_JOBS.c.id < before)
    return _views(session, session.execute(statement).all())


def _views(session: Session, rows: Sequence[Row[Any]]) -> list[JobView]:
    pairs = [(JobRow._make(row[:_WIDTH]), _task(row[_WIDTH:])) for row in rows]
    waiting = any(task and task.status == TaskStatus.PENDING for _, task in pairs)
    pause = pauses.current(session) if waiting else None
    return [JobView(job, task, pause) for job, task in pairs]


def _task(columns: Sequence[Any]) -> TaskRow | None:
    return None if columns[0] is None else TaskRow._make(columns)


PARTS = ("worker", "beat")
"""What runs on its own and shows that it lives (``heartbeats``)."""
_ALIVE = text("SELECT name FROM heartbeats WHERE seen_at > now() - make_interval(secs => :seconds)")


def silent_parts(session: Session, *, seconds: float = 10.0) -> list[str]:
    """Which of ``PARTS`` showed no sign of life for so long, by the database's clock."""
    alive = set(session.scalars(_ALIVE, {"seconds": seconds}))
    return [name for name in PARTS if name not in alive]
