"""Our copy of Jira's tickets, the progress of polls, the shared pause, resolved fields."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier


class TicketCopy(Base):
    """Our copy of an issue, by site and id: the newest state that any of our sources reported.

    ``proven_at``: Jira had this state at this time or later (shared/tickets/readings.py).
    ``read_at`` is when a source last reported it. ``key_lost_at`` is set when another ticket was
    seen with the key: then the key is a former one, and this ticket's present key is unknown.
    ``verified_at`` is when Jira last showed or denied the ticket, ``missing_since`` since when it
    denies it. ``announced_at`` is when a hint last said that it had changed. ``deleted_at`` is set
    when a webhook said so or the denial was confirmed; the values then stay the last known ones.
    """

    __tablename__ = "tickets"

    site_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=text("0"))
    issue_id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    key: Mapped[str]
    summary: Mapped[str | None]
    part_number: Mapped[str | None]
    priority: Mapped[str | None]
    epic_link: Mapped[str | None]
    labels: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    quantity: Mapped[int | None] = mapped_column(Integer)
    quantity_unread: Mapped[str | None]
    notes: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB)
    status: Mapped[str | None]
    done: Mapped[bool] = mapped_column(server_default=text("false"))
    former_keys: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    jira_updated_at: Mapped[datetime]
    source: Mapped[str]
    proven_at: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))
    key_lost_at: Mapped[datetime | None]
    read_at: Mapped[datetime] = mapped_column(server_default=func.now())
    verified_at: Mapped[datetime] = mapped_column(server_default=func.now())
    missing_since: Mapped[datetime | None]
    announced_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_tickets_site_key", "site_id", "key"),
        Index(
            "ix_tickets_announced",
            "issue_id",
            postgresql_where=text("announced_at > verified_at"),
        ),
        Index("ix_tickets_site_verified", "site_id", "verified_at"),
        # For lists from the newest ticket to the oldest: ids are numbers, stored as text.
        Index(
            "ix_tickets_site_newest",
            "site_id",
            text("length(issue_id) DESC"),
            text("issue_id DESC"),
        ),
        Index("ix_tickets_former_keys", "former_keys", postgresql_using="gin"),
        # For searches for any part of a text (trigrams).
        Index(
            "ix_tickets_search",
            "key",
            "summary",
            "part_number",
            postgresql_using="gin",
            postgresql_ops={
                "key": "gin_trgm_ops",
                "summary": "gin_trgm_ops",
                "part_number": "gin_trgm_ops",
            },
        ),
    )


class JiraPoll(Base):
    """The progress of the poll of one set of projects, and of its first import.

    ``scope`` names site, projects and field mapping: if one of them changes, everything is read
    again. ``watermark`` is Jira's time up to which all changes are stored, ``cursor`` the same
    within the current round (``running``). ``complete_as_of`` is the start of the last complete
    round.
    """

    __tablename__ = "jira_polls"

    scope: Mapped[str] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    projects: Mapped[list[str]]
    running: Mapped[bool] = mapped_column(server_default=text("true"))
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    since: Mapped[datetime | None]
    cursor: Mapped[datetime | None]
    watermark: Mapped[datetime | None]
    deep_at: Mapped[datetime] = mapped_column(server_default=func.now())
    complete_as_of: Mapped[datetime | None]
    tickets: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    imported: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    import_started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    import_done_at: Mapped[datetime | None]
    refusal: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JiraPause(Base):
    """The pause shared by all workers with the same credentials (docs/adr/0002).

    ``until`` in the past: the pause is over; while ``failures`` > 0 the next call is one probe.
    ``until`` null with a code: the pause lasts until an operator resumes or the credentials change.
    """

    __tablename__ = "jira_pauses"

    credentials_hash: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str | None]
    message: Mapped[str | None]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    last_ok_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ResolvedFieldMapping(Base):
    """Jira's ids of the fields that the settings name, so that no webhook waits for Jira."""

    __tablename__ = "field_mappings"

    settings_hash: Mapped[str] = mapped_column(primary_key=True)
    part_number: Mapped[str | None]
    quantity: Mapped[str | None]
    epic_link: Mapped[str | None]
    resolved_at: Mapped[datetime] = mapped_column(server_default=func.now())
