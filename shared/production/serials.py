"""Serial numbers: every statement that creates, moves or scraps a unit.

All of it happens under the lock of the unit's path (shared.production.paths) and changes the
counts of the path and of its steps in the same transaction. Timestamps are those of the
statement, not of the transaction: a transaction that waited for the lock acted later than the one
that had it, and its timestamps say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import (
    AppError,
    ConflictError,
    FieldProblem,
    InvalidInputError,
    Kind,
    NotFoundError,
)
from shared.production import paths as path_store
from shared.production import progress
from shared.production.advancement import Move, Route, move_to, next_move
from shared.production.progress import Deltas
from shared.production.queries import COMPLETED_INDEX, SerialView, by_number, number_of
from shared.production.steps import Step
from shared.states import ScrapReason, SerialAction, SerialStatus

MAX_BATCH = 10_000
"""Units one call creates at most (spec/API.md, ``POST /api/serials``)."""
MAX_MOVES = 1000
"""Units one call advances at most (spec/API.md, ``POST /api/serials/advance``)."""
# One row hands out the numbers, so a batch is consecutive, and a rolled back batch leaves no gap.
# The row stays locked until the commit, so it is locked last.
_CREATE = text("""
WITH counter AS (
    UPDATE serial_counter SET last_number = last_number + :quantity RETURNING last_number
), created AS (
    INSERT INTO serials (number, job_id, path_id, step_id, created_at, updated_at)
    SELECT n, :job_id, :path_id, :step_id, statement_timestamp(), statement_timestamp()
    FROM counter, generate_series(last_number - :quantity + 1, last_number) AS n
    RETURNING number
), logged AS (
    INSERT INTO serial_events (serial_number, action, at, user_id, to_step_id, to_index)
    SELECT number, 'created', statement_timestamp(), :actor, :step_id, 0 FROM created
)
SELECT last_number, statement_timestamp() FROM counter
""")


def create(
    session: Session, *, job_id: str, path_id: str, quantity: int, actor: str
) -> list[SerialView]:
    """Put ``quantity`` new units, numbered consecutively, at the first step of a path.

    Raises NotFoundError if the job or the path does not exist, InvalidInputError if the path
    belongs to another job.
    """
    if session.scalar(text("SELECT 1 FROM jobs WHERE id = :id"), {"id": job_id}) is None:
        raise NotFoundError(Kind.JOB, job_id)
    path = path_store.lock_path(session, path_id)
    if path.job_id != job_id:
        message = f"pathId must name a path of job {job_id}"
        raise InvalidInputError(message, (FieldProblem("pathId", message),))
    first = path.route.steps[0]
    deltas = Deltas()
    deltas.created(path_id, at=first, quantity=quantity)
    progress.apply(session, deltas)
    names = {"job_id": job_id, "path_id": path_id, "step_id": first.id, "actor": actor}
    last, now = session.execute(_CREATE, {**names, "quantity": quantity}).one()
    return [
        SerialView(
            number=number,
            job_id=job_id,
            path_id=path_id,
            step_id=first.id,
            step_index=0,
            status=SerialStatus.IN_PROGRESS,
            created_at=now,
            updated_at=now,
        )
        for number in range(last - quantity + 1, last + 1)
    ]


def advance(session: Session, identifier: str, *, actor: str) -> SerialView:
    """Move a unit to its next step; after the last it is completed.

    Raises NotFoundError, or ConflictError if the unit is not in progress.
    """
    unit = _lock_one(session, identifier)
    return _moved(session, [(unit.serial, unit.move())], actor=actor)[0]


def advance_to(
    session: Session, identifier: str, *, target_index: int, actor: str
) -> tuple[SerialView, Sequence[Step]]:
    """Move a unit forward to a step; an index equal to the number of steps completes it.

    Returns the unit and the steps it bypassed. Raises NotFoundError, InvalidInputError if the
    path has no such step, ConflictError if a step between may not be skipped.
    """
    unit = _lock_one(session, identifier)
    move = unit.move(target_index=target_index)
    return _moved(session, [(unit.serial, move)], actor=actor)[0], move.bypassed


def advance_many(
    session: Session, identifiers: Sequence[str], *, actor: str
) -> list[SerialView | AppError]:
    """Move up to ``MAX_MOVES`` different units one step each, in a few statements.

    One result for each, in the order given: the unit as it is now, or why it did not move.
    """
    units = _lock(session, identifiers)
    planned = [_planned(units.get(identifier), identifier) for identifier in identifiers]
    moves = [plan for plan in planned if not isinstance(plan, AppError)]
    moved = {serial.id: serial for serial in _moved(session, moves, actor=actor)}
    return [plan if isinstance(plan, AppError) else moved[plan[0].id] for plan in planned]


def _planned(unit: "_Unit | None", identifier: str) -> tuple[SerialView, Move] | AppError:
    if unit is None:
        return NotFoundError(Kind.SERIAL, identifier)
    try:
        return unit.serial, unit.move()
    except ConflictError as refusal:
        return refusal


def scrap(
    session: Session, identifier: str, *, reason: ScrapReason, explanation: str | None, actor: str
) -> SerialView:
    """Scrap a unit at its step. Raises NotFoundError; ConflictError unless it is in progress."""
    unit = _lock_one(session, identifier)
    if unit.serial.status is SerialStatus.COMPLETED:
        raise ConflictError("Cannot scrap a completed serial")
    if unit.serial.status is SerialStatus.SCRAPPED:
        raise ConflictError("Serial number is already scrapped")
    deltas = Deltas()
    deltas.was_scrapped(unit.serial.path_id, at=unit.route.steps[unit.serial.step_index])
    progress.apply(session, deltas)
    values = {"reason": reason.value, "explanation": explanation, "actor": actor}
    where = {"number": unit.serial.number, "index": unit.serial.step_index}
    now = session.execute(_SCRAP, {**values, **where}).scalar_one()
    return replace(
        unit.serial,
        status=SerialStatus.SCRAPPED,
        scrap_reason=reason,
        scrap_explanation=explanation,
        scrapped_at=now,
        scrapped_by=actor,
        updated_at=now,
    )


_SCRAP = text("""
WITH scrapped AS (
    UPDATE serials SET status = 'scrapped', scrap_reason = :reason,
        scrap_explanation = :explanation, scrapped_by = :actor,
        scrapped_at = statement_timestamp(), updated_at = statement_timestamp()
    WHERE number = :number RETURNING step_id, updated_at
), logged AS (
    INSERT INTO serial_events
        (serial_number, action, at, user_id, from_step_id, from_index, reason, explanation)
    SELECT :number, 'scrapped', updated_at, :actor, step_id, :index, :reason, :explanation
    FROM scrapped
)
SELECT updated_at FROM scrapped
""")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit whose path is locked, with its route."""

    serial: SerialView
    route: Route

    def move(self, *, target_index: int | None = None) -> Move:
        """The move to a step, by default the next. Raises ConflictError if it is not possible."""
        if self.serial.status is SerialStatus.SCRAPPED:
            raise ConflictError("Cannot advance a scrapped serial")
        if self.serial.status is SerialStatus.COMPLETED:
            raise ConflictError("Serial number is already completed")
        if target_index is None:
            return next_move(self.route, self.serial.step_index)
        return move_to(self.route, self.serial.step_index, target_index=target_index)


def _lock_one(session: Session, identifier: str) -> _Unit:
    units = _lock(session, [identifier])
    if identifier not in units:
        raise NotFoundError(Kind.SERIAL, identifier)
    return units[identifier]


def _lock(session: Session, identifiers: Sequence[str]) -> dict[str, _Unit]:
    """Lock the paths of these units and read both; by serial id, those that exist."""
    numbers = [n for n in map(_number, identifiers) if n is not None]
    paths = path_store.lock_paths(session, session.scalars(_PATHS_OF, {"numbers": numbers}).all())
    return {
        serial.id: _Unit(serial, paths[serial.path_id].route)
        for serial in by_number(session, numbers).values()
        if serial.path_id in paths
    }


_PATHS_OF = text("SELECT DISTINCT path_id FROM serials WHERE number = ANY(:numbers)")


def _number(identifier: str) -> int | None:
    try:
        return number_of(identifier)
    except NotFoundError:
        return None


def _moved(
    session: Session, moves: Sequence[tuple[SerialView, Move]], *, actor: str
) -> list[SerialView]:
    """Make these moves: units, history and counts in three statements in all."""
    if not moves:
        return []
    deltas = Deltas()
    for serial, move in moves:
        deltas.moved(serial.path_id, move)
    progress.apply(session, deltas)
    payload = orjson.dumps([_row(serial, move) for serial, move in moves]).decode()
    now = session.execute(_MOVE, {"moves": payload, "actor": actor}).scalar_one()
    return [_after(serial, move, now=now) for serial, move in moves]


_MOVE = text("""
WITH plan AS (
    SELECT * FROM jsonb_to_recordset(CAST(:moves AS jsonb)) AS m(number bigint, status text,
        action text, from_step_id text, from_index int, to_step_id text, to_index int,
        bypassed jsonb)
), moved AS (
    UPDATE serials s SET
        step_id = plan.to_step_id, status = plan.status, updated_at = statement_timestamp()
    FROM plan WHERE s.number = plan.number
), logged AS (
    INSERT INTO serial_events (serial_number, action, at, user_id, from_step_id, from_index,
        to_step_id, to_index, bypassed_step_ids)
    SELECT number, action, statement_timestamp(), :actor, from_step_id, from_index,
        to_step_id, to_index, ARRAY(SELECT jsonb_array_elements_text(bypassed))
    FROM plan
)
SELECT statement_timestamp()
""")


def _row(serial: SerialView, move: Move) -> dict[str, Any]:
    return {
        "number": serial.number,
        "status": SerialStatus.COMPLETED if move.completes else SerialStatus.IN_PROGRESS,
        "action": SerialAction.COMPLETED if move.completes else SerialAction.ADVANCED,
        "from_step_id": move.origin.id,
        "from_index": move.from_index,
        "to_step_id": move.target_id,
        "to_index": COMPLETED_INDEX if move.completes else move.to_index,
        "bypassed": [step.id for step in move.bypassed],
    }


def _after(serial: SerialView, move: Move, *, now: datetime) -> SerialView:
    return replace(
        serial,
        step_id=move.target_id,
        step_index=COMPLETED_INDEX if move.completes else move.to_index,
        status=SerialStatus.COMPLETED if move.completes else SerialStatus.IN_PROGRESS,
        updated_at=now,
    )
