"""What operators do to sync tasks: retry and cancel, one or all that match."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Engine, case, exists, func, literal_column, select, text
from sqlalchemy.orm import Session

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.database.engine import in_transaction
from shared.errors import ConflictError, NotFoundError
from shared.models import Job, SyncTask, table_of
from shared.states import TaskStatus
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync import tasks as sync_tasks
from shared.sync.queries import KIND, TaskFilter

BATCH_SIZE = 500
"""Tasks that one transaction of a bulk operation changes."""
_PAGE_SIZE = 5000
"""Ids that are looked up at once."""


class Operation(StrEnum):
    """What can be done to a task."""

    RETRY = "retry"
    CANCEL = "cancel"


class Skip(StrEnum):
    """Why a task was left as it is."""

    ALREADY_FILLED = "already_filled"
    ALREADY_WAITING = "already_waiting"
    ALREADY_CANCELLED = "already_cancelled"
    RUNNING = "running"
    JOB_DELETED = "job_deleted"


_WORDS = {
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
_ACTIONS = {Operation.RETRY: AuditAction.RETRY, Operation.CANCEL: AuditAction.CANCEL}


@dataclass(slots=True)
class Outcome:
    """What came of an operation on all that match; ``matched`` = ``changed`` + ``skipped``.

    Of a dry run, ``changed`` are those that would be.
    """

    changed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def matched(self) -> int:
        """How many tasks the filter matched."""
        return self.changed + self.skipped.total()

    def as_json(self) -> dict[str, Any]:
        """Counts as answers and audit show them."""
        skipped = {reason: number for reason, number in sorted(self.skipped.items()) if number}
        return {"matched": self.matched, "changed": self.changed, "skipped": skipped}


def act(session: Session, operation: Operation, task_id: str, *, context: AuditContext) -> None:
    """Retry or cancel one task, in the caller's transaction.

    A retry makes it due now, and no earlier than the pause that all workers share. Raises
    NotFoundError, or ConflictError with the reason where the task's state forbids it.
    """
    skips = _apply_batch(session, operation, [task_id], context)
    if not skips:
        raise NotFoundError(KIND, task_id)
    if (skip := skips[0]) is not None:
        raise ConflictError(f"Cannot {operation} {task_id}: {_WORDS[skip]}")
    audit.write(session, _ACTIONS[operation], context, subject=task_id)


def act_on_all(
    engine: Engine,
    operation: Operation,
    wanted: TaskFilter,
    *,
    context: AuditContext,
    after_batch: Callable[[], None] = lambda: None,
) -> Outcome:
    """Retry or cancel all tasks that match now, in short transactions.

    Each moves the counts of the audit's one row with it, so that they are true even where this
    is cut short. ``after_bite`` is called after each commit.
    """
    outcome = Outcome(skipped=preview(engine, operation, wanted).skipped)
    start = partial(_begin, operation=operation, wanted=wanted, context=context)
    number, last = in_transaction(engine, start)
    after = ""
    while ids := in_transaction(
        engine, partial(_candidates, operation=operation, wanted=wanted, after=after, last=last)
    ):
        for first in range(0, len(ids), BATCH_SIZE):
            batch = ids[first : first + BATCH_SIZE]
            work = partial(
                _audited_batch,
                operation=operation,
                task_ids=batch,
                context=context,
                number=number,
                so_far=outcome,
            )
            outcome = in_transaction(engine, work)
            after_batch()
        after = ids[-1]
    in_transaction(
        engine, lambda s: audit.progress(s, number, counts=outcome.as_json(), ended=True)
    )
    return outcome


def preview(engine: Engine, operation: Operation, wanted: TaskFilter) -> Outcome:
    """What ``act_on_all`` would do, without doing it."""
    return in_transaction(engine, partial(_preview, operation=operation, wanted=wanted))


_T = table_of(SyncTask)
_UNFILLED = text("sync_tasks.status <> 'filled'")  # as the partial index says it
_HAS_JOB = exists(select(1).where(table_of(Job).c.id == _T.c.job_id))


def _preview(session: Session, *, operation: Operation, wanted: TaskFilter) -> Outcome:
    task_queries.plan_afresh(session)
    # Only a retry asks for the job, and only of what it could change.
    kept = case((_T.c.status.in_(["failed", "cancelled"]), _HAS_JOB), else_=True)
    has_job = kept if operation is Operation.RETRY else _T.c.status.is_not(None)
    groups = select(_T.c.status, has_job.label("has_job"), func.count().label("number"))
    counted = (
        task_queries.matching(wanted, groups)
        .where(_UNFILLED)
        .group_by(_T.c.status, literal_column("has_job"))
    )
    outcome = Outcome(skipped=Counter({Skip.ALREADY_FILLED.value: _filled(session, wanted)}))
    for row in session.execute(counted):
        skip = _skip(operation, TaskStatus(row.status), has_job=row.has_job)
        if skip is None:
            outcome.changed += row.number
        else:
            outcome.skipped[skip.value] += row.number
    return outcome


def _filled(session: Session, wanted: TaskFilter) -> int:
    """How many filled tasks match; of all time they have been counted already."""
    if wanted == task_queries.EVERYTHING:
        return sync_summary.counts(session)[TaskStatus.FILLED]
    if wanted.statuses and TaskStatus.FILLED not in wanted.statuses:
        return 0
    counted = task_queries.matching(wanted, select(func.count())).where(
        _T.c.status == TaskStatus.FILLED.value
    )
    return session.scalar(counted) or 0


def _skip(operation: Operation, status: TaskStatus, *, has_job: bool) -> Skip | None:
    found = _SKIPS[operation].get(status)
    if found is None and operation is Operation.RETRY and not has_job:
        return Skip.JOB_DELETED
    return found


def _begin(
    session: Session, *, operation: Operation, wanted: TaskFilter, context: AuditContext
) -> tuple[int, str]:
    """The audit's row, and the newest task there is: what comes later is not meant."""
    last = session.scalar(select(func.max(_T.c.id)))
    chosen = wanted.as_json()
    return audit.begin(session, _ACTIONS[operation], context, chosen=chosen), last or ""


def _candidates(
    session: Session, *, operation: Operation, wanted: TaskFilter, after: str, last: str
) -> list[str]:
    task_queries.plan_afresh(session)
    open_to_it = [s.value for s in TaskStatus if s not in _SKIPS[operation]]
    found = (
        task_queries.matching(wanted, select(_T.c.id))
        .where(_T.c.status.in_(open_to_it), _UNFILLED)
        .where(_T.c.id > after, _T.c.id <= last)
    )
    if operation is Operation.RETRY:
        found = found.where(_HAS_JOB)
    return list(session.scalars(found.order_by(_T.c.id).limit(_PAGE_SIZE)))


def _audited_batch(
    session: Session,
    *,
    operation: Operation,
    task_ids: list[str],
    context: AuditContext,
    number: int,
    so_far: Outcome,
) -> Outcome:
    outcome = Outcome(so_far.changed, Counter(so_far.skipped))
    for skip in _apply_batch(session, operation, task_ids, context):
        if skip is None:
            outcome.changed += 1
        else:
            outcome.skipped[skip.value] += 1
    audit.progress(session, number, counts=outcome.as_json())
    return outcome


# The one order of locks: jobs by id, then tasks by id. A retry holds the jobs, for a deletion does
# not look at tasks that are cancelled already: it either came before, and the job is gone, or
# waits and cancels the task once more.
_HOLD_JOBS = text("""
SELECT id FROM jobs
WHERE id = ANY(ARRAY(SELECT job_id FROM sync_tasks WHERE id = ANY(:ids)))
ORDER BY id FOR KEY SHARE
""")
_LOCK = text("""
SELECT id, job_id, status FROM sync_tasks WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
""")


def _apply_batch(
    session: Session, operation: Operation, task_ids: Sequence[str], context: AuditContext
) -> list[Skip | None]:
    """Lock these tasks, change those that can be; why each was left, None where it was changed."""
    values = {"ids": list(task_ids)}
    retry = operation is Operation.RETRY
    held = set(session.scalars(_HOLD_JOBS, values)) if retry else set()
    rows = session.execute(_LOCK, values).all()
    skips = [_skip(operation, TaskStatus(row.status), has_job=row.job_id in held) for row in rows]
    chosen = [row.id for row, skip in zip(rows, skips, strict=True) if skip is None]
    if retry:
        sync_tasks.retry(session, chosen)
    else:
        sync_tasks.cancel(session, chosen, message=_cancelled_by(context))
    return skips


def _cancelled_by(context: AuditContext) -> str:
    return f"Cancelled by {context.actor.name}" + (f": {context.reason}" if context.reason else ".")
