"""Paths to move units along, and the recount that their counts must agree with."""

from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared.database.engine import begin, in_transaction
from shared.production import paths as path_store
from shared.production import serials
from shared.production.paths import PathDraft, PathView
from shared.production.queries import SerialView
from shared.production.steps import StepDraft
from shared.states import AdvancementMode
from tests.dsl import create_job, draft


def path_draft(*names: str, **changes: Any) -> PathDraft:
    """A request for a path with steps of these names."""
    steps = tuple(StepDraft(name=name) for name in names or ("Mill", "Deburr", "Inspect"))
    values = {"name": "Main line", "goal_quantity": 10, "steps": steps}
    return PathDraft(**{**values, **changes})


def path(
    engine: Engine, *names: str, mode: AdvancementMode = AdvancementMode.STRICT, **changes: Any
) -> PathView:
    """A stored path of a new job."""
    with begin(engine) as session:
        job, _ = create_job(session, draft())
        wanted = path_draft(*names, advancement_mode=mode, **changes)
        return path_store.create(session, job_id=job.id, draft=wanted)


def units(engine: Engine, path: PathView, quantity: int, *, actor: str = "Ada") -> list[SerialView]:
    """New units at the first step of a path."""
    return in_transaction(
        engine,
        lambda session: serials.create(
            session, job_id=path.job_id, path_id=path.id, quantity=quantity, actor=actor
        ),
    )


# Counted from the units and from their histories, two sources that the counts do not read.
_RECOUNT_PATHS = text("""
SELECT p.id, p.total_count, p.completed_count, p.scrapped_count, count(s.number),
    count(*) FILTER (WHERE s.status = 'completed'), count(*) FILTER (WHERE s.status = 'scrapped')
FROM paths p LEFT JOIN serials s ON s.path_id = p.id GROUP BY p.id
""")
_RECOUNT_STEPS = text("""
SELECT t.id, t.present, t.passed, t.scrapped,
    (SELECT count(*) FROM serials s WHERE s.step_id = t.id AND s.status = 'in_progress'),
    (SELECT count(*) FROM serial_events e
     WHERE (e.from_step_id = t.id AND e.action IN ('advanced', 'completed'))
        OR t.id = ANY(e.bypassed_step_ids)),
    (SELECT count(*) FROM serials s WHERE s.step_id = t.id AND s.status = 'scrapped')
FROM steps t
""")


def miscounts(session: Session) -> list[tuple[Any, ...]]:
    """Every path and step whose counts differ from a recount: id, counts, recount."""
    rows = [*session.execute(_RECOUNT_PATHS), *session.execute(_RECOUNT_STEPS)]
    return [tuple(row) for row in rows if tuple(row[1:4]) != tuple(row[4:7])]


_BROKEN_TRAILS = text("""
SELECT serial_number, action, from_step_id, came_from FROM (
    SELECT *, lag(to_step_id) OVER (PARTITION BY serial_number ORDER BY id) AS came_from,
        lag(at) OVER (PARTITION BY serial_number ORDER BY id) AS before
    FROM serial_events) AS e
WHERE from_step_id IS DISTINCT FROM came_from OR at < before
""")


def broken_trails(session: Session) -> list[tuple[Any, ...]]:
    """Events that do not begin where, or began before, the one before them ended."""
    return [tuple(row) for row in session.execute(_BROKEN_TRAILS)]
