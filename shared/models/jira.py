"""What we know of Jira: our copy of its tickets, the shared pause, signs of life."""

from datetime import datetime

from sqlalchemy import Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier


class TicketCopy(Base):
    """Our copy of a Jira issue, by its id: the newest state any of our three sources showed.

    ``read_at`` is when what it holds was Jira's state; ``verified_at`` when Jira last showed or
    denied the ticket; ``missing_since`` since when it is denied; ``deleted_at`` once that is
    believed or a webhook said so. The values stay the last known ones.
    """

    __tablename__ = "tickets"

    issue_id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    key: Mapped[str]
    summary: Mapped[str | None]
    part_number: Mapped[str | None]
    priority: Mapped[str | None]
    epic_link: Mapped[str | None]
    labels: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    quantity: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str | None]
    done: Mapped[bool] = mapped_column(server_default=text("false"))
    former_keys: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    jira_updated_at: Mapped[datetime]
    source: Mapped[str]
    read_at: Mapped[datetime] = mapped_column(server_default=func.now())
    verified_at: Mapped[datetime] = mapped_column(server_default=func.now())
    missing_since: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_tickets_key", "key"),
        Index("ix_tickets_verified", "verified_at"),
        # Lists go from the newest ticket to the oldest; ids are numbers, and text here.
        Index("ix_tickets_newest", text("length(issue_id) DESC"), text("issue_id DESC")),
        Index("ix_tickets_former_keys", "former_keys", postgresql_using="gin"),
        # What people search by, any part of it (trigrams).
        Index(
            "ix_tickets_words",
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
    """How far the poll of one set of projects has got, and how the first import stands.

    ``scope`` names Jira, projects and field mapping: where one of them changes, all is read anew.
    ``watermark`` is Jira's own time up to which everything is stored; ``cursor`` the same within
    the round under way (``running``). ``complete_as_of`` is when the last complete round began.
    """

    __tablename__ = "jira_polls"

    scope: Mapped[str] = mapped_column(primary_key=True)
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

    ``until`` in the past: over, but the next call is a single probe while ``failures`` > 0.
    ``until`` null with a code: until somebody resumes or the credentials change.
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


class Heartbeat(Base):
    """When a part of the system that runs on its own was last seen alive."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
