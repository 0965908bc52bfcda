"""Progress, read from counts that change in the same transaction as the units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.rows import view_of
from shared.errors import Kind, NotFoundError
from shared.production.advancement import Move
from shared.production.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class PathProgress:
    """The progress of one path towards its own goal."""

    path_id: str
    path_name: str
    goal: int
    completed: int

    @property
    def percent_complete(self) -> float:
        """Completed units in percent of the goal."""
        return percent(self.completed, goal=self.goal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a job and of each of its paths, each towards its own goal (spec/API.md).

    ``total_goal`` None: the job's quantity is unknown, and its progress 0 percent.
    """

    total_goal: int | None
    paths: tuple[PathProgress, ...]

    @property
    def total_completed(self) -> int:
        """Completed units of all paths; scrapped ones do not count."""
        return sum(path.completed for path in self.paths)

    @property
    def percent_complete(self) -> float:
        """Completed units of all paths in percent of the job's goal."""
        return percent(self.total_completed, goal=self.total_goal)


def percent(completed: int, *, goal: int | None) -> float:
    """Percent to two decimals, rounded down: 100 is not shown before the goal is reached."""
    return completed * 10_000 // goal / 100 if goal else 0.0


_OF_JOB = text("""
SELECT CASE WHEN j.quantity_unread IS NULL THEN j.goal_quantity END AS total_goal,
    p.id AS path_id, p.name AS path_name, p.goal_quantity AS goal, p.completed_count AS completed
FROM jobs j LEFT JOIN paths p ON p.job_id = j.id
WHERE j.id = :job_id ORDER BY p.id
""")


def progress_of(session: Session, job_id: str) -> Progress:
    """The progress of a job. Reads one row for each path, however many units there are.

    Raises NotFoundError if the job does not exist.
    """
    rows = session.execute(_OF_JOB, {"job_id": job_id}).all()
    if not rows:
        raise NotFoundError(Kind.JOB, job_id)
    return Progress(
        total_goal=rows[0].total_goal,
        paths=tuple(view_of(PathProgress, row) for row in rows if row.path_id is not None),
    )


class JobProgress(NamedTuple):
    """The progress of a job in a list; ``paths`` is how many paths it has.

    ``goal`` None: the job's quantity is unknown.
    """

    paths: int
    completed: int
    goal: int | None

    @property
    def percent(self) -> float:
        """Completed units in percent of the goal; may exceed 100."""
        return percent(self.completed, goal=self.goal)


_OF_JOBS = text("""
SELECT j.id, count(p.id), COALESCE(CAST(sum(p.completed_count) AS bigint), 0),
    CASE WHEN j.quantity_unread IS NULL THEN j.goal_quantity END
FROM unnest(CAST(:ids AS text[])) AS w(id) JOIN jobs j ON j.id = w.id
LEFT JOIN paths p ON p.job_id = j.id GROUP BY j.id
""")


def progress_of_jobs(session: Session, job_ids: Sequence[str]) -> dict[str, JobProgress]:
    """The progress of these jobs by id, those that exist, in one statement."""
    rows = session.execute(_OF_JOBS, {"ids": list(job_ids)})
    return {job_id: JobProgress(*counts) for job_id, *counts in rows}


def bottlenecks(steps: Sequence[Step]) -> set[str]:
    """Ids of the steps where most units wait: several on a tie, none if no unit waits."""
    most = max((step.present for step in steps), default=0)
    return {step.id for step in steps if step.present == most > 0}


@dataclass(slots=True)
class Deltas:
    """The changes of counts by some moves: of steps by step id, of paths by path id."""

    present: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    scrapped: Counter[str] = field(default_factory=Counter)
    path_total: Counter[str] = field(default_factory=Counter)
    path_completed: Counter[str] = field(default_factory=Counter)
    path_scrapped: Counter[str] = field(default_factory=Counter)

    def created(self, path_id: str, *, at: Step, quantity: int) -> None:
        """New units are at a step."""
        self.present[at.id] += quantity
        self.path_total[path_id] += quantity

    def moved(self, path_id: str, move: Move) -> None:
        """A unit left a step, passed the steps between, and arrived or was completed."""
        self.present[move.origin.id] -= 1
        self.passed.update(step.id for step in (move.origin, *move.bypassed))
        if move.target_id is None:
            self.path_completed[path_id] += 1
        else:
            self.present[move.target_id] += 1

    def was_scrapped(self, path_id: str, *, at: Step) -> None:
        """A unit was scrapped at a step."""
        self.present[at.id] -= 1
        self.scrapped[at.id] += 1
        self.path_scrapped[path_id] += 1


_STEPS = text("""
UPDATE steps s SET
    present = s.present + d.present, passed = s.passed + d.passed,
    scrapped = s.scrapped + d.scrapped
FROM unnest(CAST(:ids AS text[]), CAST(:present AS bigint[]), CAST(:passed AS bigint[]),
    CAST(:scrapped AS bigint[])) AS d(id, present, passed, scrapped)
WHERE s.id = d.id
""")
_PATHS = text("""
UPDATE paths p SET
    total_count = p.total_count + d.total, completed_count = p.completed_count + d.completed,
    scrapped_count = p.scrapped_count + d.scrapped
FROM unnest(CAST(:ids AS text[]), CAST(:total AS bigint[]), CAST(:completed AS bigint[]),
    CAST(:scrapped AS bigint[])) AS d(id, total, completed, scrapped)
WHERE p.id = d.id
""")


def apply(session: Session, deltas: Deltas) -> None:
    """Apply the changes. The caller has locked the paths; these locks cover their steps."""
    steps = _columns(present=deltas.present, passed=deltas.passed, scrapped=deltas.scrapped)
    paths = _columns(
        total=deltas.path_total, completed=deltas.path_completed, scrapped=deltas.path_scrapped
    )
    if steps["ids"]:
        session.execute(_STEPS, steps)
    if paths["ids"]:
        session.execute(_PATHS, paths)


def _columns(**counters: Counter[str]) -> dict[str, list[Any]]:
    ids = sorted({key for counter in counters.values() for key in counter if counter[key]})
    return {"ids": ids, **{name: [c[i] for i in ids] for name, c in counters.items()}}
