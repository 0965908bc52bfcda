"""What the doctor found when a worker had it look at Jira, the fields, webhooks and our servers."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base


class Examination(Base):
    """One look of the doctor. At most one is open: asked for, or under way (``started_at``).

    ``ticket_key`` is the ticket the field mapping is tried on. ``findings`` are those of
    `routecard doctor`; ``preview`` is what the mapping makes of the ticket.
    """

    __tablename__ = "examinations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ticket_key: Mapped[str | None]
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    asked_by: Mapped[str | None]
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
