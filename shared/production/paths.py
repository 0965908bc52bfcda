"""Paths: every statement that changes one or its steps, and how one is read.

Everything that happens on a path locks the path's row first: units are created and moved, steps
are changed and the path is deleted under that lock. Moves on one path wait for each other until
the commit; moves on different paths do not. Order of locks: job, then paths by id, then the
serial counter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, insert, text
from sqlalchemy.orm import Session

from shared.database.rows import view_of
from shared.errors import ConflictError, Kind, NotFoundError
from shared.ids import Prefix, new_id
from shared.models import Path, table_of
from shared.production.advancement import Route
from shared.production.steps import Step, StepDraft, planned, revised
from shared.states import AdvancementMode, DependencyType


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDraft:
    """A path to create: checked and normalised, its steps without ids."""

    name: str
    goal_quantity: int
    steps: tuple[StepDraft, ...]
    advancement_mode: AdvancementMode = AdvancementMode.STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChanges:
    """What an update changes; None leaves the value as it is."""

    name: str | None = None
    goal_quantity: int | None = None
    steps: tuple[StepDraft, ...] | None = None
    advancement_mode: AdvancementMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathView:
    """A path with its steps in order, and the counts of its units."""

    id: str
    job_id: str
    name: str
    goal_quantity: int
    route: Route
    total_count: int
    completed_count: int
    scrapped_count: int
    version: int
    created_at: datetime
    updated_at: datetime


# Waits for a deletion of the job that is under way, and then finds no job.
_LOCK_JOB = text("SELECT id FROM jobs WHERE id = :job_id FOR KEY SHARE")


def create(session: Session, *, job_id: str, draft: PathDraft) -> PathView:
    """Store a path with its steps. Raises NotFoundError if the job does not exist."""
    if session.scalar(_LOCK_JOB, {"job_id": job_id}) is None:
        raise NotFoundError(Kind.JOB, job_id)
    values = {
        "id": new_id(Prefix.PATH),
        "job_id": job_id,
        "name": draft.name,
        "goal_quantity": draft.goal_quantity,
        "advancement_mode": draft.advancement_mode,
    }
    table = table_of(Path)
    row = session.execute(insert(table).values(values).returning(table)).one()
    steps = planned(draft.steps)
    _write_steps(session, row.id, steps)
    return _view(row, steps)


def get(session: Session, path_id: str) -> PathView:
    """One path. The cost does not depend on the number of its units. Raises NotFoundError."""
    if found := paths_by_id(session, [path_id]):
        return found[path_id]
    raise NotFoundError(Kind.PATH, path_id)


def paths_of(session: Session, job_id: str) -> list[PathView]:
    """The paths of a job, oldest first; empty also if the job does not exist."""
    return _views(session.execute(_BY_JOB, {"job_id": job_id}))


def count_paths(session: Session, job_id: str) -> int:
    """How many paths a job has."""
    counted = text("SELECT count(*) FROM paths WHERE job_id = :job_id")
    return session.scalar(counted, {"job_id": job_id}) or 0


def update(session: Session, path: PathView, changes: PathChanges) -> PathView:
    """Change a path that ``lock_path`` locked; its version and ``updated_at`` always move.

    Raises what ``shared.production.steps.revised`` raises if the steps cannot be changed so.
    """
    steps = path.route.steps
    if changes.steps is not None:
        steps = revised(steps, changes.steps)
        _write_steps(session, path.id, steps)
    values = {name: getattr(changes, name) for name in PathChanges.__slots__ if name != "steps"}
    row = session.execute(_UPDATE, {**values, "id": path.id}).one()
    return _view(row, steps)


_UPDATE = text("""
UPDATE paths SET
    name = COALESCE(:name, name),
    goal_quantity = COALESCE(:goal_quantity, goal_quantity),
    advancement_mode = COALESCE(:advancement_mode, advancement_mode),
    version = version + 1,
    updated_at = GREATEST(now(), updated_at + interval '1 millisecond')
WHERE id = :id RETURNING *
""")


def remove(session: Session, path: PathView) -> None:
    """Delete a path that ``lock_path`` locked. Raises ConflictError if it ever had a unit."""
    if path.total_count:
        raise ConflictError("Cannot delete path with serial numbers attached")
    _drop(session, [path.id])


# Units first: a trigger protects their history for as long as they exist.
_DROP_UNITS = text("""
WITH deleted AS (DELETE FROM serials WHERE path_id = ANY(:ids) RETURNING number)
DELETE FROM serial_events e USING deleted WHERE e.serial_number = deleted.number
""")
_LOCK_OF_JOB = text("SELECT id FROM paths WHERE job_id = :job_id ORDER BY id FOR UPDATE")


def delete_of_job(session: Session, job_id: str) -> int:
    """Delete all paths of a job with their units and histories. Returns how many paths.

    The caller has locked the job's row FOR UPDATE, so no path can be added meanwhile.
    """
    ids = list(session.scalars(_LOCK_OF_JOB, {"job_id": job_id}))
    if ids:
        session.execute(_DROP_UNITS, {"ids": ids})
        _drop(session, ids)
    return len(ids)


def lock_path(session: Session, path_id: str) -> PathView:
    """Lock one path for this transaction and read it. Raises NotFoundError."""
    if found := lock_paths(session, [path_id]):
        return found[path_id]
    raise NotFoundError(Kind.PATH, path_id)


# NO KEY: does not block the foreign-key checks of rows that refer to the path.
_LOCK = text("SELECT id FROM paths WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")


def lock_paths(session: Session, path_ids: Sequence[str]) -> dict[str, PathView]:
    """Lock paths in order of id, then read them; by id, those that exist."""
    return paths_by_id(session, session.scalars(_LOCK, {"ids": list(path_ids)}).all())


_SELECT = """
SELECT p.*, s.id AS step_id, s.name AS step_name, s.location, s.optional, s.dependency_type,
    s.present, s.passed, s.scrapped
FROM paths p JOIN steps s ON s.path_id = p.id
"""
_BY_ID = text(f"{_SELECT} WHERE p.id = ANY(:ids) ORDER BY p.id, s.position")
_BY_JOB = text(f"{_SELECT} WHERE p.job_id = :job_id ORDER BY p.id, s.position")


def paths_by_id(session: Session, path_ids: Sequence[str]) -> dict[str, PathView]:
    """These paths by id, those that exist."""
    return {view.id: view for view in _views(session.execute(_BY_ID, {"ids": list(path_ids)}))}


def _views(rows: Iterable[Row[Any]]) -> list[PathView]:
    """Paths from the rows of one statement: their counts are of one moment and agree."""
    views = []
    for _, group in groupby(rows, key=lambda row: row.id):
        members = list(group)
        views.append(_view(members[0], tuple(_step(row) for row in members)))
    return views


def _view(row: Row[Any], steps: Sequence[Step]) -> PathView:
    return view_of(PathView, row, route=Route(AdvancementMode(row.advancement_mode), tuple(steps)))


def _step(row: Row[Any]) -> Step:
    dependency_type = DependencyType(row.dependency_type)
    return view_of(Step, row, id=row.step_id, name=row.step_name, dependency_type=dependency_type)


_DROP_STEPS = text("DELETE FROM steps WHERE path_id = ANY(:ids) AND id <> ALL(:but)")
_DROP_PATHS = text("DELETE FROM paths WHERE id = ANY(:ids)")
_WRITE_STEPS = text("""
INSERT INTO steps (id, path_id, position, name, location, optional, dependency_type)
SELECT w.id, :path_id, w.position, w.name, w.location, w.optional, w.dependency_type
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(id text, position int, name text,
    location text, optional boolean, dependency_type text)
ON CONFLICT (id) DO UPDATE SET
    position = excluded.position, name = excluded.name, location = excluded.location,
    optional = excluded.optional, dependency_type = excluded.dependency_type
""")


def _drop(session: Session, ids: list[str]) -> None:
    session.execute(_DROP_STEPS, {"ids": ids, "but": []})
    session.execute(_DROP_PATHS, {"ids": ids})


def _write_steps(session: Session, path_id: str, steps: Sequence[Step]) -> None:
    """Make these the steps of the path, in this order; steps that stay keep their counts."""
    session.execute(_DROP_STEPS, {"ids": [path_id], "but": [step.id for step in steps]})
    rows = [
        {
            "id": step.id,
            "position": position,
            "name": step.name,
            "location": step.location,
            "optional": step.optional,
            "dependency_type": step.dependency_type,
        }
        for position, step in enumerate(steps)
    ]
    session.execute(_WRITE_STEPS, {"path_id": path_id, "rows": orjson.dumps(rows).decode()})
