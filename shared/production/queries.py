"""Serial numbers: their identifiers, single units, lists and histories, as they are shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Row,
    Select,
    SelectBase,
    any_,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from shared.database.filtering import plan_for_these_values
from shared.database.rows import view_of
from shared.errors import Kind, NotFoundError
from shared.models import Serial, SerialEvent, Step, table_of
from shared.states import ScrapReason, SerialAction, SerialStatus

COMPLETED_INDEX = -1
"""``currentStepIndex`` of a completed unit (spec/API.md, ``POST /api/serials/{id}/advance``)."""

_FORM = re.compile(r"SN-(0\d{4}|[1-9]\d{4,17})", re.ASCII)


def serial_id(number: int) -> str:
    """``SN-00001``; wider past 99999."""
    return f"SN-{number:05d}"


def number_of(identifier: str) -> int:
    """The number of an identifier. Raises NotFoundError if it has another form."""
    if not _FORM.fullmatch(identifier):
        raise NotFoundError(Kind.SERIAL, identifier)
    return int(identifier.removeprefix("SN-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialView:
    """A unit as it is shown; ``step_index`` is -1 after it is completed.

    A scrapped unit keeps the step it was scrapped at.
    """

    number: int
    job_id: str
    path_id: str
    step_id: str | None
    step_index: int
    status: SerialStatus
    created_at: datetime
    updated_at: datetime
    scrap_reason: ScrapReason | None = None
    scrap_explanation: str | None = None
    scrapped_at: datetime | None = None
    scrapped_by: str | None = None

    @property
    def id(self) -> str:
        """The identifier outside."""
        return serial_id(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialFilter:
    """Which units a list shows; None means no condition.

    ``step_id`` finds the units at that step and also those that were scrapped there.
    """

    job_id: str | None = None
    path_id: str | None = None
    step_id: str | None = None
    status: SerialStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One thing done to a unit.

    Indexes are those of that time, -1 means completed; names are those of today.
    """

    at: datetime
    action: SerialAction
    user_id: str
    from_step_id: str | None
    from_step_name: str | None
    from_index: int | None
    to_step_id: str | None
    to_step_name: str | None
    to_index: int | None
    bypassed_step_ids: tuple[str, ...]
    reason: ScrapReason | None
    explanation: str | None


_serials = table_of(Serial)
_steps = table_of(Step)
_events = table_of(SerialEvent)
_from, _to = _steps.alias("from_step"), _steps.alias("to_step")
_HISTORY = (
    select(_events, _from.c.name.label("from_step_name"), _to.c.name.label("to_step_name"))
    .outerjoin(_from, _from.c.id == _events.c.from_step_id)
    .outerjoin(_to, _to.c.id == _events.c.to_step_id)
    .order_by(_events.c.id)
)


def get(session: Session, identifier: str) -> SerialView:
    """One unit. Raises NotFoundError."""
    number = number_of(identifier)
    if found := by_number(session, [number]):
        return found[number]
    raise NotFoundError(Kind.SERIAL, identifier)


def by_number(session: Session, numbers: Sequence[int]) -> dict[int, SerialView]:
    """These units by number, those that exist."""
    chosen = any_(literal(list(numbers), ARRAY(BigInteger)))
    rows = session.execute(_shown().where(_serials.c.number == chosen))
    return {row.number: _view(row) for row in rows}


def page(
    session: Session, filters: SerialFilter, *, after: int | None = None, limit: int
) -> list[SerialView]:
    """Up to ``limit`` units in order of their numbers, those past number ``after``."""
    plan_for_these_values(session)
    chosen = _chosen(filters, after, limit).subquery()
    query = _shown().where(_serials.c.number == chosen.c.number).order_by(_serials.c.number)
    return [_view(row) for row in session.execute(query)]


def _chosen(filters: SerialFilter, after: int | None, limit: int) -> SelectBase:
    if filters.status is not None:
        return _numbers(filters, filters.status, after, limit)
    numbers = union_all(*(_numbers(filters, status, after, limit) for status in SerialStatus))
    return numbers.order_by(numbers.selected_columns.number).limit(limit)


def _numbers(
    filters: SerialFilter, status: SerialStatus, after: int | None, limit: int
) -> Select[Any]:
    """The first numbers of one status: each index is in order of number only within a status."""
    query = select(_serials.c.number).where(_serials.c.status == status)
    for column in ("job_id", "path_id", "step_id"):
        if (value := getattr(filters, column)) is not None:
            query = query.where(_serials.c[column] == value)
    if after is not None:
        query = query.where(_serials.c.number > after)
    return query.order_by(_serials.c.number).limit(limit)


def history(session: Session, identifier: str) -> list[EventView]:
    """What was done to a unit, oldest first. Raises NotFoundError."""
    number = get(session, identifier).number
    rows = session.execute(_HISTORY.where(_events.c.serial_number == number))
    return [_event(row) for row in rows]


def _shown() -> Select[Any]:
    joined = _serials.outerjoin(_steps, _steps.c.id == _serials.c.step_id)
    return select(_serials, _steps.c.position).select_from(joined)


def _view(row: Row[Any]) -> SerialView:
    return view_of(
        SerialView,
        row,
        step_index=COMPLETED_INDEX if row.position is None else row.position,
        status=SerialStatus(row.status),
        scrap_reason=row.scrap_reason and ScrapReason(row.scrap_reason),
    )


def _event(row: Row[Any]) -> EventView:
    return view_of(
        EventView,
        row,
        action=SerialAction(row.action),
        bypassed_step_ids=tuple(row.bypassed_step_ids),
        reason=row.reason and ScrapReason(row.reason),
    )
