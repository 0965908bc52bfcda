"""Paths with their steps, the units that move along them, and the units' history."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Identifier, any_of
from shared.states import (
    AdvancementMode,
    DependencyType,
    ScrapReason,
    SerialAction,
    SerialStatus,
)


class Path(Base):
    """A manufacturing route of a job. A transaction that moves its units locks its row.

    The three counts are updated in the transaction that moves a unit, so that progress is read
    here and never counted. Only edits change ``version``.
    """

    __tablename__ = "paths"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    job_id: Mapped[str] = mapped_column(Identifier, ForeignKey("jobs.id"))
    name: Mapped[str]
    goal_quantity: Mapped[int] = mapped_column(Integer)
    advancement_mode: Mapped[str]
    total_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    completed_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    scrapped_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint("goal_quantity > 0", name="goal_quantity_positive"),
        CheckConstraint(any_of("advancement_mode", AdvancementMode), name="mode_known"),
        CheckConstraint(
            "completed_count >= 0 AND scrapped_count >= 0"
            " AND completed_count + scrapped_count <= total_count",
            name="counts_add_up",
        ),
        # For the foreign key of units, which ensures that a unit's path is of the unit's job.
        UniqueConstraint("id", "job_id"),
        Index("ix_paths_job_id", "job_id", "id"),
    )


class Step(Base):
    """One step of a path, by position from 0, with counts of its units.

    ``present`` units are at it now, ``passed`` have left or skipped it, ``scrapped`` ended here.
    A step with any of them is part of the history: it cannot be deleted or reordered.
    """

    __tablename__ = "steps"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    path_id: Mapped[str] = mapped_column(Identifier, ForeignKey("paths.id"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str]
    location: Mapped[str | None]
    optional: Mapped[bool] = mapped_column(Boolean)
    dependency_type: Mapped[str]
    present: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    passed: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    scrapped: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint("position >= 0", name="position_from_zero"),
        CheckConstraint(any_of("dependency_type", DependencyType), name="dependency_known"),
        CheckConstraint(
            "present >= 0 AND passed >= 0 AND scrapped >= 0", name="counts_not_negative"
        ),
        # Checked at the end of a statement, so that one statement can put steps in a new order.
        UniqueConstraint("path_id", "position", deferrable=True),
        UniqueConstraint("id", "path_id"),
    )


class SerialCounter(Base):
    """The last serial number assigned: one row for the whole installation."""

    __tablename__ = "serial_counter"

    singleton: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    last_number: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (CheckConstraint("singleton", name="one_row"),)


class Serial(Base):
    """One unit; its serial number is ``SN-`` and the number.

    ``step_id`` is where it is, or where it was scrapped; null for a completed unit.
    """

    __tablename__ = "serials"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    job_id: Mapped[str] = mapped_column(Identifier)
    path_id: Mapped[str] = mapped_column(Identifier)
    step_id: Mapped[str | None] = mapped_column(Identifier)
    status: Mapped[str] = mapped_column(server_default=SerialStatus.IN_PROGRESS.value)
    scrap_reason: Mapped[str | None]
    scrap_explanation: Mapped[str | None]
    scrapped_at: Mapped[datetime | None]
    scrapped_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        ForeignKeyConstraint(["path_id", "job_id"], ["paths.id", "paths.job_id"]),
        ForeignKeyConstraint(["step_id", "path_id"], ["steps.id", "steps.path_id"]),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint(any_of("status", SerialStatus), name="status_known"),
        CheckConstraint("(status = 'completed') = (step_id IS NULL)", name="completed_at_no_step"),
        CheckConstraint(
            "(status = 'scrapped') = (scrap_reason IS NOT NULL)"
            " AND (status = 'scrapped') = (scrapped_at IS NOT NULL)",
            name="scrapped_has_reason_and_time",
        ),
        CheckConstraint(any_of("scrap_reason", ScrapReason), name="scrap_reason_known"),
        # With the status, to find the few units in progress among the many completed.
        Index("ix_serials_job_id", "job_id", "status", "number"),
        Index("ix_serials_path_id", "path_id", "status", "number"),
        Index("ix_serials_step_id", "step_id", "number"),
        Index("ix_serials_status", "status", "number"),
    )


class SerialEvent(Base):
    """What was done to a unit, by whom and when; a trigger keeps the table append-only.

    Indexes are the positions that the steps had then; the ids identify the steps. ``to_index`` is
    -1 if the unit was completed. There is no foreign key, because every move would pay for it; the
    trigger allows a row to be deleted only after its unit.
    """

    __tablename__ = "serial_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    serial_number: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str]
    at: Mapped[datetime]
    user_id: Mapped[str]
    from_step_id: Mapped[str | None] = mapped_column(Identifier)
    from_index: Mapped[int | None] = mapped_column(Integer)
    to_step_id: Mapped[str | None] = mapped_column(Identifier)
    to_index: Mapped[int | None] = mapped_column(Integer)
    bypassed_step_ids: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    reason: Mapped[str | None]
    explanation: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(any_of("action", SerialAction), name="action_known"),
        Index("ix_serial_events_serial_number", "serial_number", "id"),
    )
