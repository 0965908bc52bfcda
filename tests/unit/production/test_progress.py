"""Percentages and bottlenecks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.production.progress import PathProgress, Progress, bottlenecks, percent
from shared.production.steps import Step


@pytest.mark.parametrize(
    ("completed", "goal", "shown"),
    [(0, 5, 0), (1, 3, 33.33), (2, 3, 66.66), (5, 5, 100), (7, 5, 140), (999_999, 10**6, 99.99)],
)
def test_percent_has_two_decimals_rounded_down(completed: int, goal: int, shown: float) -> None:
    assert percent(completed, goal=goal) == shown


@given(st.integers(0, 10**9), st.integers(1, 2**31 - 1))
def test_a_hundred_percent_is_shown_exactly_when_the_goal_is_reached(done: int, goal: int) -> None:
    assert (percent(done, goal=goal) >= 100) == (done >= goal)


def test_a_job_is_measured_by_its_own_goal_and_each_path_by_its_own() -> None:
    paths = tuple(
        PathProgress(path_id=f"p{i}", path_name="p", goal=goal, completed=done)
        for i, (done, goal) in enumerate([(5, 10), (3, 2)])
    )
    progress = Progress(total_goal=16, paths=paths)
    assert (progress.total_completed, progress.percent_complete) == (8, 50)
    assert [path.percent_complete for path in progress.paths] == [50, 150]


def test_a_job_without_paths_is_at_zero() -> None:
    progress = Progress(total_goal=7, paths=())
    assert (progress.total_completed, progress.percent_complete) == (0, 0)


@pytest.mark.parametrize(
    ("waiting", "found"),
    [((0, 0), ""), ((1, 0), "0"), ((1, 3, 2), "1"), ((2, 1, 2), "02"), ((), "")],
)
def test_all_steps_with_the_most_units_waiting_are_bottlenecks(
    waiting: tuple[int, ...], found: str
) -> None:
    steps = tuple(Step(id=str(i), name="s", present=n) for i, n in enumerate(waiting))
    assert bottlenecks(steps) == set(found)
