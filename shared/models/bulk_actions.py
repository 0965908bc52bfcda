"""Bulk actions: what is done to all items that match a filter, batch by batch."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.models.audit import AuditEvent
from shared.models.base import Base, Identifier, any_of
from shared.states import BulkStatus, Operation


class BulkAction(Base):
    """One operation on all tasks or deliveries that match a filter.

    Items are changed in the order of their ids: ``cursor`` is the last one that is done, ``upto``
    the newest one there was at the beginning. ``matched`` is how many items there were then; some
    of them were ``skipped`` at once. A process works on the action while it holds the lease;
    ``lease_token`` grows with each new holder. ``tries`` counts holders since the last batch that
    was committed.
    """

    __tablename__ = "bulk_actions"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    operation: Mapped[str]
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB)
    audit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("audit_events.id"))
    upto: Mapped[str] = mapped_column(Identifier)
    cursor: Mapped[str] = mapped_column(Identifier, server_default="")
    matched: Mapped[int] = mapped_column(Integer)
    changed: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    skipped: Mapped[dict[str, int]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(server_default=BulkStatus.RUNNING.value)
    tries: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    lease_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]

    audit_event: Mapped[AuditEvent] = relationship()

    __table_args__ = (
        UniqueConstraint("audit_id"),
        CheckConstraint(any_of("operation", Operation), name="operation_known"),
        CheckConstraint(any_of("status", BulkStatus), name="status_known"),
        CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="end_has_moment"),
        Index("ix_bulk_actions_running", "lease_until", postgresql_where=text("ended_at IS NULL")),
    )
