"""Jobs, and the sync tasks that fill their Jira part."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier, any_of, table_of
from shared.models.jira_fields import jira_field, jira_fields_of
from shared.states import AttemptOutcome, TaskStatus


class Job(Base):
    """A production job. Its six Jira fields are write-once; a trigger of the table holds them.

    ``client_fields`` are the columns of those that came with the request that created the job;
    null: the job is older than this column.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    name: Mapped[str]
    goal_quantity: Mapped[int] = mapped_column(Integer)
    jira_ticket_key: Mapped[str | None] = jira_field("key", title="Ticket")
    jira_ticket_summary: Mapped[str | None] = jira_field("summary", title="Summary")
    jira_part_number: Mapped[str | None] = jira_field("part_number", title="Part number")
    jira_priority: Mapped[str | None] = jira_field("priority", title="Priority")
    jira_epic_link: Mapped[str | None] = jira_field("epic_link", title="Epic")
    jira_labels: Mapped[list[str] | None] = jira_field("labels", title="Labels")
    jira_issue_id: Mapped[str | None]
    jira_filled_at: Mapped[datetime | None]
    name_from_ticket: Mapped[bool] = mapped_column(server_default=text("false"))
    quantity_from_ticket: Mapped[bool] = mapped_column(server_default=text("false"))
    client_fields: Mapped[list[str] | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("goal_quantity > 0", name="goal_quantity_positive"),
        CheckConstraint("name <> ''", name="name_not_empty"),
        Index("ix_jobs_jira_ticket_key", "jira_ticket_key"),
        # What lists are filtered by.
        Index("ix_jobs_jira_priority", "jira_priority", "id"),
        Index("ix_jobs_jira_labels", "jira_labels", postgresql_using="gin"),
        Index("ix_jobs_updated", "updated_at"),
        # What people search by, any part of it (trigrams).
        Index(
            "ix_jobs_words",
            "name",
            "jira_ticket_key",
            "jira_part_number",
            postgresql_using="gin",
            postgresql_ops={
                "name": "gin_trgm_ops",
                "jira_ticket_key": "gin_trgm_ops",
                "jira_part_number": "gin_trgm_ops",
            },
        ),
    )


JIRA_FIELDS = jira_fields_of(table_of(Job))
"""The six write-once fields, in the order in which everything shows them."""
FIELDS_OF_TICKET = JIRA_FIELDS[1:]
"""Those that a fill takes from the ticket: all but its key."""


class SyncTask(Base):
    """What is still to be filled in a job, and how that stands.

    ``lease_token`` only grows and fences; ``failures`` counts answers about this ticket;
    ``crashes`` counts leases lost while running; ``attempts`` is the number of sync_attempts
    rows ever written. ``job_id`` is text without a foreign key: the row outlives its job.
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
        CheckConstraint("(status = 'filled') = (filled_at IS NOT NULL)", name="filled_has_moment"),
        Index("ix_sync_tasks_due", "due_at", "id", postgresql_where=text("status = 'pending'")),
        Index("ix_sync_tasks_lease", "lease_until", postgresql_where=text("status = 'running'")),
        Index(
            "ix_sync_tasks_open_ticket",
            "ticket_key",
            postgresql_where=text("status IN ('pending', 'running', 'failed')"),
        ),
        # For lists and counts: what is not filled is few, however long the history.
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
            "ix_sync_tasks_error_words",
            "error_message",
            postgresql_using="gin",
            postgresql_ops={"error_message": "gin_trgm_ops"},
            postgresql_where=text("error_message IS NOT NULL"),
        ),
        Index("ix_sync_tasks_source", "source", "id", postgresql_where=text("source IS NOT NULL")),
        Index("ix_sync_tasks_ticket", "ticket_key", "id"),
        Index("ix_sync_tasks_made", "created_at", "id"),
        Index("ix_sync_tasks_changed", "updated_at", "id"),
        Index(
            "ix_sync_tasks_filled",
            "filled_at",
            postgresql_include=["created_at"],
            postgresql_where=text("status = 'filled'"),
        ),
    )


class SyncAttempt(Base):
    """One look at a ticket on behalf of a task; append-only, pruned by age."""

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


class SyncTally(Base):
    """How many tasks were filled up to a moment, so that nobody has to count all of history."""

    __tablename__ = "sync_tally"

    singleton: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    filled: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    until: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))

    __table_args__ = (CheckConstraint("singleton", name="one_row"),)
