"""Retry and cancel of sync tasks: one, or a batch of a bulk action."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import case, exists, func, literal_column, select, text
from sqlalchemy.orm import Session

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.actions.counts import Counts
from shared.database.filtering import plan_for_these_values
from shared.errors import ConflictError, Kind, NotFoundError
from shared.models import Job, SyncTask, table_of
from shared.states import Operation, TaskStatus
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync import tasks as sync_tasks
from shared.sync.queries import TaskFilter


class Skip(StrEnum):
    """Why a task was left as it is."""

    ALREADY_FILLED = "already_filled"
    ALREADY_WAITING = "already_waiting"
    ALREADY_CANCELLED = "already_cancelled"
    RUNNING = "running"
    JOB_DELETED = "job_deleted"


_REFUSALS = {
    Skip.ALREADY_FILLED: "The Jira fields of its job are filled already",
    Skip.ALREADY_WAITING: "It is waiting for its next try already",
    Skip.ALREADY_CANCELLED: "It is cancelled already",
    Skip.RUNNING: "It is being worked on right now",
    Skip.JOB_DELETED: "Its job was deleted",
}
_SKIPS: dict[Operation, dict[TaskStatus, Skip]] = {
    Operation.RETRY: {
        TaskStatus.FILLED: Skip.ALREADY_FILLED,
        TaskStatus.PENDING: Skip.ALREADY_WAITING,
        TaskStatus.RUNNING: Skip.RUNNING,
    },
    Operation.CANCEL: {
        TaskStatus.FILLED: Skip.ALREADY_FILLED,
        TaskStatus.CANCELLED: Skip.ALREADY_CANCELLED,
    },
}


def act(session: Session, operation: Operation, task_id: str, *, context: AuditContext) -> None:
    """Retry or cancel one task, in the caller's transaction.

    A retry makes it due now, but a pause that all workers share still holds it. Raises
    NotFoundError, or ConflictError with the reason where the task's state forbids it.
    """
    skips = _apply(session, operation, [task_id], context)
    if not skips:
        raise NotFoundError(Kind.TASK, task_id)
    if (skip := skips[0]) is not None:
        raise ConflictError(f"Cannot {operation} {task_id}: {_REFUSALS[skip]}")
    audit.write(session, AuditAction(operation), context, subject=task_id)


_T = table_of(SyncTask)
_UNFILLED = text("sync_tasks.status <> 'filled'")  # as the partial index says it
_HAS_JOB = exists(select(1).where(table_of(Job).c.id == _T.c.job_id))


@dataclass(frozen=True, slots=True)
class TaskWork:
    """A bulk retry or cancel, as ``shared.actions.bulk`` runs it."""

    operation: Operation
    filter_type = TaskFilter

    def newest(self, session: Session) -> str:
        """The newest task there is; the empty string where there is none."""
        return session.scalar(select(func.max(_T.c.id))) or ""

    def preview(self, session: Session, filters: TaskFilter, *, most: int | None = None) -> Counts:  # noqa: ARG002  most tasks are filled, and those are counted already
        """How many tasks the action would change now."""
        return _preview(session, self.operation, filters)

    def candidates(
        self, session: Session, filters: TaskFilter, *, after: str, upto: str, limit: int
    ) -> list[str]:
        """Ids of tasks that match and can be changed, in order, ``after`` excluded."""
        plan_for_these_values(session)
        changeable = [s.value for s in TaskStatus if s not in _SKIPS[self.operation]]
        found = (
            task_queries.matching(filters, select(_T.c.id))
            .where(_T.c.status.in_(changeable), _UNFILLED)
            .where(_T.c.id > after, _T.c.id <= upto)
        )
        if self.operation is Operation.RETRY:
            found = found.where(_HAS_JOB)
        return list(session.scalars(found.order_by(_T.c.id).limit(limit)))

    def apply(self, session: Session, ids: Sequence[str], context: AuditContext) -> Counts:
        """Change those of the tasks whose state still allows it."""
        skips = Counter(_apply(session, self.operation, ids, context))
        changed = skips.pop(None, 0)
        return Counts(changed, Counter({s.value: n for s, n in skips.items() if s is not None}))


def _preview(session: Session, operation: Operation, filters: TaskFilter) -> Counts:
    plan_for_these_values(session)
    # Only a retry asks for the job, and only of what it could change.
    kept = case((_T.c.status.in_(["failed", "cancelled"]), _HAS_JOB), else_=True)
    has_job = kept if operation is Operation.RETRY else _T.c.status.is_not(None)
    groups = select(_T.c.status, has_job.label("has_job"), func.count().label("number"))
    counted = (
        task_queries.matching(filters, groups)
        .where(_UNFILLED)
        .group_by(_T.c.status, literal_column("has_job"))
    )
    counts = Counts(skipped=Counter({Skip.ALREADY_FILLED.value: _filled(session, filters)}))
    for row in session.execute(counted):
        skip = _skip(operation, TaskStatus(row.status), has_job=row.has_job)
        if skip is None:
            counts.changed += row.number
        else:
            counts.skipped[skip.value] += row.number
    return counts


def _filled(session: Session, filters: TaskFilter) -> int:
    """How many filled tasks match; without a filter, the periodic count answers."""
    if filters == task_queries.EVERYTHING:
        return sync_summary.counts(session)[TaskStatus.FILLED]
    if filters.statuses and TaskStatus.FILLED not in filters.statuses:
        return 0
    counted = task_queries.matching(filters, select(func.count())).where(
        _T.c.status == TaskStatus.FILLED.value
    )
    return session.scalar(counted) or 0


def _skip(operation: Operation, status: TaskStatus, *, has_job: bool) -> Skip | None:
    skip = _SKIPS[operation].get(status)
    if skip is None and operation is Operation.RETRY and not has_job:
        return Skip.JOB_DELETED
    return skip


# Locks are taken in one order: jobs by id, then tasks by id. A retry locks the jobs because the
# deletion of a job skips tasks that are cancelled already. So the deletion either came first, and
# the job is gone, or it waits for the retry and then cancels the task again.
_LOCK_JOBS = text("""
SELECT id FROM jobs
WHERE id = ANY(ARRAY(SELECT job_id FROM sync_tasks WHERE id = ANY(:ids)))
ORDER BY id FOR KEY SHARE
""")
_LOCK_TASKS = text("""
SELECT id, job_id, status FROM sync_tasks WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
""")


def _apply(
    session: Session, operation: Operation, task_ids: Sequence[str], context: AuditContext
) -> list[Skip | None]:
    """Lock these tasks and change those that can be; for each, why it was skipped, if it was."""
    values = {"ids": list(task_ids)}
    retry = operation is Operation.RETRY
    jobs = set(session.scalars(_LOCK_JOBS, values)) if retry else set()
    rows = session.execute(_LOCK_TASKS, values).all()
    skips = [_skip(operation, TaskStatus(row.status), has_job=row.job_id in jobs) for row in rows]
    changeable = [row.id for row, skip in zip(rows, skips, strict=True) if skip is None]
    if retry:
        sync_tasks.retry(session, changeable)
    else:
        sync_tasks.cancel(session, changeable, message=_cancelled_by(context))
    return skips


def _cancelled_by(context: AuditContext) -> str:
    return f"Cancelled by {context.actor.name}" + (f": {context.reason}" if context.reason else ".")
