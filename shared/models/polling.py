"""The projects of a poll one by one, and tickets that could not be used."""

from datetime import datetime

from sqlalchemy import CheckConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, any_of
from shared.states import ProjectState


class PolledProject(Base):
    """One project of one poll (``JiraPoll.scope``).

    For a project that is not ``polled``, ``read_up_to`` is Jira's time up to which its changes are
    stored (null: nothing is), and ``reason`` says why it is not.
    """

    __tablename__ = "polled_projects"

    scope: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default=text("'polled'"))
    state_since: Mapped[datetime] = mapped_column(server_default=func.now())
    reason: Mapped[str | None]
    read_up_to: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint(any_of("state", ProjectState), name="state_known"),)


class UnusableTicket(Base):
    """A ticket that a poll was given and could not use; deleted when it could be used again.

    ``name`` is its key or id, or else its place on the page. ``scope`` is the poll's.
    """

    __tablename__ = "unusable_tickets"

    name: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    reason: Mapped[str]
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
