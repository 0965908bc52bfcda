"""Sync tasks: create, retry, cancel, and make due when their ticket changed in Jira."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, any_, bindparam, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.ids import Prefix, new_id
from shared.models import Job, SyncTask, table_of
from shared.states import AttemptOutcome, FailureCode, Source, TaskStatus, failure_message
from shared.sync.moves import (
    CANCEL,
    IDS,
    RETRY,
    REVIVE,
    TASKS,
    TICKET_DELETED,
    failure_text,
    parameter,
    status_in,
    with_attempt,
)

_JOBS = table_of(Job)
_KEYS = bindparam("keys", type_=ARRAY(Text))


def open_task(
    session: Session, *, job_id: str, ticket_key: str, request_id: str | None
) -> SyncTask:
    """Create the task of a job that was created or linked in this transaction; it is due now."""
    task = SyncTask(
        id=new_id(Prefix.SYNC),
        job_id=job_id,
        ticket_key=ticket_key,
        status=TaskStatus.PENDING,
        attempts=0,
        request_id=request_id,
    )
    values = {k: getattr(task, k) for k in ("id", "job_id", "ticket_key", "request_id")}
    returned = session.execute(
        insert(TASKS).values(**values).returning(TASKS.c.due_at, TASKS.c.created_at)
    ).one()
    task.due_at, task.created_at = returned
    return task


def of_job(session: Session, job_id: str) -> SyncTask | None:
    """The task of a job, if it ever had one."""
    return session.query(SyncTask).filter(SyncTask.job_id == job_id).one_or_none()


_RETRY = (
    RETRY.update(due_at=func.now(), crashes=0, error_code=None, error_message=None)
    .where(TASKS.c.id == any_(IDS), TASKS.c.job_id == _JOBS.c.id)
    .returning(TASKS.c.id)
)
_CANCEL = CANCEL.update(error_code=parameter("code"), error_message=parameter("message")).returning(
    TASKS.c.id
)
_CANCEL_TASKS = _CANCEL.where(TASKS.c.id == any_(IDS))
_CANCEL_OF_JOBS = _CANCEL.where(TASKS.c.job_id == any_(IDS))


def retry(session: Session, task_ids: Sequence[str]) -> int:
    """Make failed and cancelled tasks due now, if their job exists. Returns how many."""
    return len(session.execute(_RETRY, {"ids": list(task_ids)}).all())


def cancel(session: Session, task_ids: Sequence[str], *, message: str | None = None) -> int:
    """Cancel tasks for an operator, with the reason. Returns how many."""
    values = {"ids": list(task_ids), "code": None, "message": message}
    return len(session.execute(_CANCEL_TASKS, values).all())


def cancel_of_deleted_jobs(session: Session, job_ids: Sequence[str]) -> int:
    """Cancel the tasks of jobs that are deleted in this transaction. Returns how many."""
    code = FailureCode.JOB_DELETED
    values = {"ids": list(job_ids), "code": code.value, "message": failure_message(code, key="")}
    return len(session.execute(_CANCEL_OF_JOBS, values).all())


_TICKET_DELETED = with_attempt(
    TICKET_DELETED.update(
        failures=TASKS.c.failures + 1,
        error_code=FailureCode.TICKET_DELETED.value,
        error_message=failure_text(FailureCode.TICKET_DELETED),
    ).where(TASKS.c.id == any_(IDS)),
    started_at=func.now(),
    source=Source.WEBHOOK,
    outcome=AttemptOutcome.FAILED,
    code=TASKS.c.error_code,
    message=TASKS.c.error_message,
    worker=parameter("worker"),
)


def fail_deleted(session: Session, task_ids: Sequence[str], *, worker: str) -> int:
    """Fail pending tasks whose ticket was deleted in Jira before it could be read.

    Returns how many.
    """
    values = {"ids": list(task_ids), "worker": worker}
    return len(session.execute(_TICKET_DELETED, values).all())


# A change of the ticket may have removed these causes. Tasks that stopped their worker are not
# revived, since a webhook's sender needs no more than the token; a deleted ticket stays deleted.
_REVIVABLE = (
    FailureCode.TICKET_NOT_FOUND,
    FailureCode.PROJECT_NOT_ALLOWED,
    FailureCode.NO_PERMISSION,
    FailureCode.UNUSABLE_TICKET,
)
_revivable = (
    select(TASKS.c.id)
    .where(
        TASKS.c.ticket_key == any_(_KEYS),
        or_(
            status_in(TaskStatus.PENDING),
            status_in(TaskStatus.FAILED) & TASKS.c.error_code.in_([c.value for c in _REVIVABLE]),
        ),
    )
    .order_by(TASKS.c.id)
    .with_for_update()
    .cte("revivable")
)
_REVIVE = (
    REVIVE.update_locked(
        due_at=func.least(TASKS.c.due_at, func.now()), error_code=None, error_message=None
    )
    .where(TASKS.c.id == _revivable.c.id)
    .returning(TASKS.c.ticket_key)
)


def revive(session: Session, keys: Sequence[str]) -> Counter[str]:
    """The tickets are said to have changed: tasks that wait for them are due now.

    A task that failed because its ticket could not be read is tried again. Returns how many tasks
    are due, by ticket key.
    """
    return Counter(session.scalars(_REVIVE, {"keys": list(keys)}))


def ids_by_ticket(
    session: Session,
    keys: Sequence[str],
    *,
    status: TaskStatus,
    made_by: datetime | None = None,
) -> list[str]:
    """The tasks in this status that name one of these keys, in order of id.

    Only those made at ``made_by`` or before, if that is given.
    """
    found = select(TASKS.c.id).where(TASKS.c.ticket_key == any_(_KEYS), status_in(status))
    if made_by is not None:
        found = found.where(TASKS.c.created_at <= made_by)
    return list(session.scalars(found.order_by(TASKS.c.id), {"keys": list(keys)}))
