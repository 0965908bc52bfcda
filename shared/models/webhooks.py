"""Webhook deliveries, rejected requests, and changes that no webhook announced."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier, any_of
from shared.states import DeliveryOutcome


class Delivery(Base):
    """One webhook request that proved its origin, and its outcome.

    ``signed``: the body carries Jira's signature. Otherwise a token or a login proved only the
    sender, and the body is a hint. ``identifier``: copies of a delivery have the same;
    ``jira_identifier``: Jira's own. ``variable``: Jira did not replace it in the address.
    ``outcome`` null: not applied yet, and due at ``due_at``. A claim sets
    ``due_at`` to the end of its lease, so a delivery whose worker died becomes due again.
    ``lease_token`` only grows and fences; ``tries`` counts claims since the last wait or replay.
    ``body`` is null once its retention is over; ``body_size`` is in bytes and stays.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    identifier: Mapped[str]
    jira_identifier: Mapped[str | None]
    signed: Mapped[bool]
    event: Mapped[str | None]
    ticket_key: Mapped[str | None]
    issue_id: Mapped[str | None] = mapped_column(Identifier)
    variable: Mapped[str | None]
    retry: Mapped[int | None] = mapped_column(Integer)
    flow: Mapped[str | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    body_size: Mapped[int] = mapped_column(Integer)
    duplicates: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
    tries: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    applied_at: Mapped[datetime | None]
    request_id: Mapped[str | None]

    __table_args__ = (
        # A sender that signs nothing must not take the place of a signed delivery.
        UniqueConstraint("identifier", "signed"),
        CheckConstraint(any_of("outcome", DeliveryOutcome), name="outcome_known"),
        CheckConstraint("(outcome IS NULL) = (applied_at IS NULL)", name="outcome_has_time"),
        Index("ix_webhook_deliveries_waiting", "id", postgresql_where=text("outcome IS NULL")),
        Index("ix_webhook_deliveries_outcome", "outcome", "id"),
        Index("ix_webhook_deliveries_event", "event", "id"),
        Index("ix_webhook_deliveries_unsigned", "id", postgresql_where=text("NOT signed")),
        Index("ix_webhook_deliveries_ticket", "ticket_key", "id"),
        Index("ix_webhook_deliveries_issue", "issue_id", "received_at"),
        Index("ix_webhook_deliveries_received", "received_at"),
        Index(
            "ix_webhook_deliveries_jira_identifier",
            "jira_identifier",
            postgresql_where=text("jira_identifier IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_variable",
            "received_at",
            postgresql_where=text("variable IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_with_body",
            "received_at",
            postgresql_where=text("body IS NOT NULL"),
        ),
    )


class Rejection(Base):
    """How many requests without proof were rejected, by day (UTC) and reason."""

    __tablename__ = "webhook_rejections"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime]


class UnannouncedChange(Base):
    """The newest change of a ticket that a poll found and no webhook had announced."""

    __tablename__ = "unannounced_changes"

    site_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=text("0"))
    issue_id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    ticket_key: Mapped[str]
    changed_at: Mapped[datetime]
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_unannounced_changes_found", "found_at"),)
