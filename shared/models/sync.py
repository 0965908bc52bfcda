"""Sync tasks, their attempts, and the count of filled ones."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier, any_of
from shared.states import AttemptOutcome, TaskStatus


class SyncTask(Base):
    """The task of filling one job from its ticket, and the state of that.

    ``lease_token`` only grows and fences; ``failures`` counts answers about this ticket;
    ``crashes`` counts leases lost while running; ``attempts`` is the number of sync_attempts
    rows ever written. ``job_id`` has no foreign key, because the row stays after its job is
    deleted.
    """

    __tablename__ = "sync_tasks"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    job_id: Mapped[str] = mapped_column(Identifier, unique=True)
    ticket_key: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=TaskStatus.PENDING.value)
    source: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    lease_until: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crashes: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    request_id: Mapped[str | None]
    filled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint(any_of("status", TaskStatus), name="status_known"),
        CheckConstraint(
            "(status = 'running') = (lease_until IS NOT NULL)", name="running_has_lease"
        ),
        CheckConstraint("(status = 'filled') = (filled_at IS NOT NULL)", name="filled_has_time"),
        Index("ix_sync_tasks_due", "due_at", "id", postgresql_where=text("status = 'pending'")),
        Index("ix_sync_tasks_lease", "lease_until", postgresql_where=text("status = 'running'")),
        Index(
            "ix_sync_tasks_open_ticket",
            "ticket_key",
            postgresql_where=text("status IN ('pending', 'running', 'failed')"),
        ),
        # For lists and counts of unfilled tasks, which are few, however long the history.
        Index(
            "ix_sync_tasks_unfilled",
            "status",
            "created_at",
            "id",
            postgresql_where=text("status <> 'filled'"),
        ),
        Index(
            "ix_sync_tasks_unfilled_changed",
            "status",
            "updated_at",
            "id",
            postgresql_where=text("status <> 'filled'"),
        ),
        Index(
            "ix_sync_tasks_error",
            "error_code",
            "id",
            postgresql_include=["status"],
            postgresql_where=text("error_code IS NOT NULL"),
        ),
        Index(
            "ix_sync_tasks_error_search",
            "error_message",
            postgresql_using="gin",
            postgresql_ops={"error_message": "gin_trgm_ops"},
            postgresql_where=text("error_message IS NOT NULL"),
        ),
        Index("ix_sync_tasks_source", "source", "id", postgresql_where=text("source IS NOT NULL")),
        Index("ix_sync_tasks_ticket", "ticket_key", "id"),
        Index("ix_sync_tasks_created", "created_at", "id"),
        Index("ix_sync_tasks_changed", "updated_at", "id"),
        Index(
            "ix_sync_tasks_filled",
            "filled_at",
            postgresql_include=["created_at"],
            postgresql_where=text("status = 'filled'"),
        ),
    )


class SyncAttempt(Base):
    """One attempt to fill a task from its ticket; append-only, pruned by age."""

    __tablename__ = "sync_attempts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task_id: Mapped[str] = mapped_column(Identifier)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime] = mapped_column(server_default=func.now())
    source: Mapped[str]
    outcome: Mapped[str]
    code: Mapped[str | None]
    message: Mapped[str | None]
    worker: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(any_of("outcome", AttemptOutcome), name="outcome_known"),
        Index("ix_sync_attempts_task", "task_id", "id"),
        Index("ix_sync_attempts_ended", "ended_at"),
        Index(
            "ix_sync_attempts_failed",
            "ended_at",
            postgresql_where=text("outcome = 'failed'"),
        ),
    )


class FilledCount(Base):
    """How many tasks were filled before ``until``, so that a count need not read all history."""

    __tablename__ = "filled_count"

    singleton: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    filled: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    until: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))

    __table_args__ = (CheckConstraint("singleton", name="one_row"),)
