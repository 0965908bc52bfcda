"""The audit log: actions of people and scripts; append-only except while an action runs."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, any_of
from shared.states import ActorKind


class AuditEvent(Base):
    """One action: who did what, to what, why, and with which result.

    ``ended_at`` is null while the action runs, and stays null if its process dies. ``counts`` is
    updated in the transactions that do the work, so that it is correct even then.
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
