"""Leases of sync tasks: claim due tasks, and take back those whose lease has expired."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Insert, Interval, Update, bindparam, func, select, text
from sqlalchemy.orm import Session

from shared.states import AttemptOutcome, FailureCode, Source, TaskStatus
from shared.sync.moves import (
    CLAIM,
    DEAD_LETTER,
    EXPIRE,
    TASKS,
    Move,
    failure_text,
    status_in,
    with_attempt,
)

CLAIM_LIMIT = 100
"""Most tasks of one claim: Jira's bulk read takes as many (JIRA.md, section 1)."""
QUARANTINE_CRASHES = 2
"""A task that lost so many leases is quarantined: it is claimed alone."""
DEAD_LETTER_CRASHES = QUARANTINE_CRASHES + 3
"""A task that lost three leases in quarantine fails."""
_EXPIRED_LIMIT = 1000
_EXPIRED_MESSAGE = "The worker that read this ticket stopped or hung; its lease ran out."


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that is ours until its lease ends.

    ``lease_token`` is the fence: a worker that lost its lease cannot settle the task. A read of its
    ticket begins after ``claimed_at``.
    """

    task_id: str
    job_id: str
    ticket_key: str
    lease_token: int
    request_id: str | None
    claimed_at: datetime


def _claim_statement(crashes: ColumnElement[bool]) -> Update:
    due = (
        select(TASKS.c.id)
        .where(status_in(TaskStatus.PENDING), TASKS.c.due_at <= func.now(), crashes)
        .order_by(TASKS.c.due_at, TASKS.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    lease_until = func.now() + bindparam("lease", type_=Interval())
    columns = (TASKS.c[name] for name in Claim.__slots__ if name != "task_id")
    return (
        CLAIM.update_locked(claimed_at=func.now(), lease_until=lease_until)
        .where(TASKS.c.id == due.c.id)
        .returning(TASKS.c.id, *columns)
    )


_CLAIM = _claim_statement(TASKS.c.crashes < QUARANTINE_CRASHES)
_CLAIM_QUARANTINED = _claim_statement(TASKS.c.crashes >= QUARANTINE_CRASHES)


def claim(session: Session, *, lease_seconds: float, limit: int = CLAIM_LIMIT) -> list[Claim]:
    """Claim up to ``limit`` due tasks for ``lease_seconds``, in order of id."""
    values = {"limit": limit, "lease": timedelta(seconds=lease_seconds)}
    rows = session.execute(_CLAIM, values)
    # In order of id, because settling locks the rows one after another (one order of locks).
    return sorted((Claim(*row) for row in rows), key=lambda claim: claim.task_id)


def claim_quarantined(session: Session, *, lease_seconds: float) -> list[Claim]:
    """Claim one task that lost leases before, alone: it may be what stopped its worker."""
    values = {"limit": 1, "lease": timedelta(seconds=lease_seconds)}
    return [Claim(*row) for row in session.execute(_CLAIM_QUARANTINED, values)]


_COUNT_DUE = text("""
SELECT count(*) FROM (
    SELECT FROM sync_tasks WHERE status = 'pending' AND due_at <= now() LIMIT :limit) AS due
""")


def count_due(session: Session, *, limit: int = CLAIM_LIMIT) -> int:
    """How many tasks are due, counted up to ``limit``."""
    return session.scalar(_COUNT_DUE, {"limit": limit}) or 0


def _take_back(move: Move, crashes: ColumnElement[bool], **changes: Any) -> Insert:
    expired = (
        select(TASKS.c.id)
        .where(status_in(TaskStatus.RUNNING), TASKS.c.lease_until < func.now(), crashes)
        .order_by(TASKS.c.id)
        .limit(_EXPIRED_LIMIT)
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    moved = move.update_locked(crashes=TASKS.c.crashes + 1, due_at=func.now(), **changes)
    return with_attempt(
        moved.where(TASKS.c.id == expired.c.id),
        started_at=TASKS.c.claimed_at,
        source=Source.API,
        outcome=AttemptOutcome.CRASHED,
        code=FailureCode.CRASHED,
        message=_EXPIRED_MESSAGE,
    )


_DEAD_LETTER = _take_back(
    DEAD_LETTER,
    TASKS.c.crashes + 1 >= DEAD_LETTER_CRASHES,
    error_code=FailureCode.CRASHED.value,
    error_message=failure_text(FailureCode.CRASHED),
)
_EXPIRE = _take_back(EXPIRE, TASKS.c.crashes + 1 < DEAD_LETTER_CRASHES)


def take_back_expired(session: Session) -> int:
    """Make tasks whose lease expired due again; fail those that keep stopping their worker.

    Returns how many leases had expired.
    """
    return sum(len(session.execute(move).all()) for move in (_DEAD_LETTER, _EXPIRE))
