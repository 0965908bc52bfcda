"""The state machine of sync tasks: every move from one status to another, and its attempt row.

docs/architecture.md has the table of moves; a test compares it with this module. The other modules
of this folder say when a move happens and to which tasks.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Insert, Update, func
from sqlalchemy.dialects.postgresql import ARRAY

from shared.models import SyncAttempt, SyncTask, table_of
from shared.states import OPEN_STATUSES, FailureCode, TaskStatus, failure_message

TASKS = table_of(SyncTask)
_ATTEMPTS = table_of(SyncAttempt)
IDS = sa.bindparam("ids", type_=ARRAY(sa.Text))
"""The parameter of statements about certain tasks."""


def parameter(name: str) -> ColumnElement[str]:
    """A text parameter of a statement."""
    return sa.bindparam(name, type_=sa.Text)


def failure_text(code: FailureCode) -> ColumnElement[str]:
    """The failure message of the statement's tasks, each with its own ticket key."""
    message = sa.literal(failure_message(code, key="{key}"), sa.Text)
    return func.replace(message, "{key}", TASKS.c.ticket_key)


def status_in(*statuses: TaskStatus) -> ColumnElement[bool]:
    """A condition on the status; its values are literals, so that partial indexes serve it."""
    return TASKS.c.status.in_([sa.literal_column(f"'{status.value}'") for status in statuses])


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the state table: the statuses it starts from and the one it leads to."""

    sources: tuple[TaskStatus, ...]
    target: TaskStatus

    def update(self, **changes: Any) -> Update:
        """An UPDATE of tasks in a source status; narrow it down with ``where``."""
        return self.update_locked(**changes).where(status_in(*self.sources))

    def update_locked(self, **changes: Any) -> Update:
        """An UPDATE of tasks that this transaction has locked in a source status, named by id.

        It does not repeat the condition on the status. With it, and with statistics from a quiet
        time, PostgreSQL scans the whole index of that status for each task of a large backlog.

        Every move increments the lease token, so a worker with an older claim can settle nothing.
        """
        if self.target is not TaskStatus.RUNNING:
            changes["lease_until"] = None
        return sa.update(TASKS).values(
            status=self.target.value,
            lease_token=TASKS.c.lease_token + 1,
            updated_at=func.now(),
            **changes,
        )


CLAIM = Move((TaskStatus.PENDING,), TaskStatus.RUNNING)
FILL = Move(OPEN_STATUSES, TaskStatus.FILLED)
FAIL = Move((TaskStatus.RUNNING,), TaskStatus.FAILED)
"""Jira's answer about this ticket ends the task."""
WAIT = Move((TaskStatus.RUNNING,), TaskStatus.PENDING)
"""The call failed as a whole, or the drain's deadline came."""
EXPIRE = Move((TaskStatus.RUNNING,), TaskStatus.PENDING)
"""The lease expired."""
DEAD_LETTER = Move((TaskStatus.RUNNING,), TaskStatus.FAILED)
"""The lease expired once too often."""
TICKET_DELETED = Move((TaskStatus.PENDING,), TaskStatus.FAILED)
REVIVE = Move((TaskStatus.PENDING, TaskStatus.FAILED), TaskStatus.PENDING)
"""The ticket is said to have changed."""
RETRY = Move((TaskStatus.FAILED, TaskStatus.CANCELLED), TaskStatus.PENDING)
CANCEL = Move(OPEN_STATUSES, TaskStatus.CANCELLED)


def with_attempt(move: Update, **attempt: ColumnElement[Any] | str) -> Insert:
    """The move plus one row of ``sync_attempts`` for each moved task; returns the tasks' ids.

    ``attempt`` holds that row's columns as constants or as expressions over the moved task.
    """
    columns = {"task_id": TASKS.c.id, **attempt}
    values = [
        (sa.literal(str(value), sa.Text) if isinstance(value, str) else value).label(name)
        for name, value in columns.items()
    ]
    moved = move.values(attempts=TASKS.c.attempts + 1).returning(*values).cte("moved")
    insert = sa.insert(_ATTEMPTS).from_select(list(columns), sa.select(moved))
    return insert.returning(_ATTEMPTS.c.task_id)
