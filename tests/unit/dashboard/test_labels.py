"""Formats and labels of the pages: times, durations, numbers, states."""

from datetime import UTC, datetime, timedelta

import pytest

from api.dashboard.kit import formats, labels
from shared.states import AttemptOutcome, FailureCode, Source, TaskStatus

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (4.9, "just now"),
        (5, "5 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (86_400 * 3, "3 d ago"),
        (86_400 * 30, "2023-12-16"),
        (-12, "in 12 s"),
        (-3, "just now"),
        (-7200, "in 2 h"),
    ],
)
def test_how_long_ago_a_moment_is(seconds: float, expected: str) -> None:
    assert formats.relative(NOW - timedelta(seconds=seconds), now=NOW) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "\u2013"),
        (0, "0 ms"),
        (0.3204, "320 ms"),
        (4.24, "4.2 s"),
        (200, "3 min 20 s"),
        (120, "2 min"),
        (7500, "2 h 5 min"),
        (86_400 * 3 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_duration_is_shown_by_its_two_largest_units(seconds: float | None, expected: str) -> None:
    assert formats.duration(seconds) == expected


def test_numbers_are_grouped_and_counted() -> None:
    assert formats.number(1234567) == "1\u202f234\u202f567"
    assert formats.counted(1, "task") == "1 task"
    assert formats.counted(0, "delivery") == "0 deliveries"


def test_every_state_source_outcome_and_cause_has_a_label() -> None:
    assert set(labels.STATUS) == set(TaskStatus)
    assert set(labels.SOURCE) == set(Source)
    assert set(labels.ATTEMPT) == set(AttemptOutcome)
    assert set(labels.CAUSE) == set(FailureCode)
