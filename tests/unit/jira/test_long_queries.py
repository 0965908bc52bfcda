"""Scans of many projects, whose query is too long for the way to Jira."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import ManualClock
from worker.jira.endpoints import Endpoints
from worker.jira.errors import SearchUnavailable
from worker.jira.long_queries import scan_in_parts, side_by_side
from worker.jira.port import ChangeQuery, Page

START = datetime(2026, 11, 23, tzinfo=UTC)
PROJECTS = tuple(f"PROJECT{number}" for number in range(50))


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def page(moment: datetime | None, name: str = "x") -> Page:
    return Page(tickets=[], unusable={name: "odd"}, watermark=moment)


def limited(most: int, asked: list[int]) -> object:
    def scan(query: ChangeQuery) -> Iterator[Page]:
        asked.append(len(query.projects))
        if len(query.projects) > most:
            raise SearchUnavailable("too long")
        for name in query.projects:
            yield page(START, name)

    return scan


@pytest.mark.parametrize("most", [1, 7, 24, 49, 50])
def test_every_project_is_read_and_the_next_scan_starts_at_the_size_that_passed(most: int) -> None:
    asked: list[int] = []
    endpoints = Endpoints(ManualClock())
    for _ in range(2):
        asked.clear()
        pages = scan_in_parts(
            ChangeQuery(projects=PROJECTS),
            scan=limited(most, asked),  # type: ignore[arg-type]  # a stand-in with the same call
            endpoints=endpoints,
        )
        assert {name for one in pages for name in one.unusable} == set(PROJECTS)
    assert max(asked) <= most


def test_without_any_search_it_is_not_about_the_length() -> None:
    asked: list[int] = []
    pages = scan_in_parts(
        ChangeQuery(projects=PROJECTS),
        scan=limited(0, asked),  # type: ignore[arg-type]  # a stand-in with the same call
        endpoints=Endpoints(ManualClock()),
    )
    with pytest.raises(SearchUnavailable):
        list(pages)
    assert len(asked) < 5


@given(st.lists(st.lists(st.integers(0, 50), max_size=6).map(sorted), min_size=1, max_size=4))
def test_a_watermark_is_never_past_what_a_scan_has_still_to_give(minutes: list[list[int]]) -> None:
    """Whenever a scan ends early, a scan from its last watermark gives all that is missing."""
    scans = [iter([page(at(m), f"{n}") for m in one]) for n, one in enumerate(minutes)]
    left = [list(one) for one in minutes]
    for one in side_by_side(scans):
        (name,) = one.unusable
        left[int(name)].pop(0)
        pending = [at(m) for rest in left for m in rest]
        assert one.watermark is None or all(moment >= one.watermark for moment in pending)
    assert not any(left)
