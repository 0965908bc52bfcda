"""Jobs, and the first answers to requests with an idempotency key."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier, table_of
from shared.models.jira_fields import jira_field, jira_fields_of


class Job(Base):
    """A production job. Its six Jira fields are write-once, which a trigger enforces.

    ``client_fields`` are the columns of those that came with the request that created the job;
    null: the job is older than this column. ``jira_issue_id`` and ``jira_site_id`` name the ticket
    that filled it; a fill from before sites were told apart has no site. ``quantity_unread`` is
    what the ticket says where its quantity was to be taken and is not certain: the quantity is
    unknown then, and ``goal_quantity`` a placeholder. ``fill_notes`` are the fill's FieldNotes
    (shared.tickets).
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
    jira_site_id: Mapped[int | None] = mapped_column(BigInteger)
    jira_filled_at: Mapped[datetime | None]
    name_from_ticket: Mapped[bool] = mapped_column(server_default=text("false"))
    quantity_from_ticket: Mapped[bool] = mapped_column(server_default=text("false"))
    quantity_unread: Mapped[str | None]
    client_fields: Mapped[list[str] | None]
    fill_notes: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("goal_quantity > 0", name="goal_quantity_positive"),
        CheckConstraint("name <> ''", name="name_not_empty"),
        Index("ix_jobs_jira_ticket_key", "jira_ticket_key"),
        # For the filters of lists.
        Index("ix_jobs_jira_priority", "jira_priority", "id"),
        Index("ix_jobs_jira_labels", "jira_labels", postgresql_using="gin"),
        Index("ix_jobs_updated", "updated_at"),
        Index(
            "ix_jobs_quantity_unread",
            "id",
            postgresql_where=text("quantity_unread IS NOT NULL"),
        ),
        Index(
            "ix_jobs_fill_notes",
            "jira_filled_at",
            postgresql_where=text("fill_notes IS NOT NULL"),
        ),
        # For searches for any part of a text (trigrams).
        Index(
            "ix_jobs_search",
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


class IdempotencyKey(Base):
    """The answer to the first request with this key; it counts for 24 h.

    ``fingerprint`` is a hash of the body. A committed row always has its answer, because both are
    written in one transaction.
    """

    __tablename__ = "idempotency_keys"

    credential: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None] = mapped_column(Integer)
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_idempotency_keys_created", "created_at"),)
