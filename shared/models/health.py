"""Heartbeats of worker and beat, and the doctor's examinations."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base


class Examination(Base):
    """One run of the doctor in a worker. At most one is open: requested, or started.

    ``ticket_key`` is the ticket on which the field mapping is tried. ``findings`` are those of
    `routecard doctor`; ``preview`` has the ticket's values by this mapping.
    """

    __tablename__ = "examinations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ticket_key: Mapped[str | None]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    requested_by: Mapped[str | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    preview: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        Index(
            "uq_examinations_open",
            text("(true)"),
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class Heartbeat(Base):
    """When the worker or beat last showed that it is running."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
