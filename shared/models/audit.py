"""What people and scripts did to the system, append-only but for the counts of a running action."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, any_of
from shared.states import ActorKind


class AuditEvent(Base):
    """One action: who, what, on what, why, and what came of it.

    ``ended_at`` is null while the action runs; it stays null if the process that ran it died.
    ``counts`` moves in the transactions that do the work, so that it is true even then.
    """

    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    actor_kind: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str | None]
    filter: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None]
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    request_id: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(any_of("actor_kind", ActorKind), name="actor_kind_known"),
        Index("ix_audit_events_subject", "subject", "id"),
        Index("ix_audit_events_action", "action", "id"),
        Index("ix_audit_events_actor", "actor", "id"),
        Index("ix_audit_events_at", "at"),
    )
