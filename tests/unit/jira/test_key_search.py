"""Searches for many keys where the way to Jira limits their length."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import ManualClock
from worker.jira.endpoints import Endpoints
from worker.jira.errors import CallRefused, JiraError, JiraUnavailable
from worker.jira.reads.key_search import KeySearch
from worker.jira.reads.searches import Query, RawPage, Search

FAR = 1e12
REFUSALS: dict[str, Callable[[], JiraError]] = {
    "414": lambda: CallRefused("URI too long", status=414),
    "404 page": lambda: JiraUnavailable("a page", status=404),
    "400 page": lambda: JiraUnavailable("a page", status=400),
    "400": lambda: CallRefused("Bad Request", status=400, texts=("Bad Request",)),
}


@dataclass
class Limited:
    """A search by GET that refuses queries of more than ``most`` characters."""

    most: int
    refuse: Callable[[], JiraError]
    name: str = "GET search"
    post: bool = False
    lengths: list[int] = field(default_factory=list)

    def page(self, query: Query) -> RawPage:
        self.lengths.append(len(query.jql))
        if len(query.jql) > self.most:
            raise self.refuse()
        keys = query.jql.partition("(")[2].rstrip(")").split(",")
        return RawPage([{"key": key.strip('"')} for key in keys], None)


def read(search: Limited, endpoints: Endpoints, keys: list[str]) -> tuple[set[str], int]:
    """The keys found, and the calls that it took."""
    before = len(search.lengths)
    reading = KeySearch(cast("Search", search), ("updated",), endpoints, FAR)
    found = {one["key"] for one in reading.read(keys)}
    return found, len(search.lengths) - before


@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=REFUSALS.keys())
@given(most=st.integers(40, 2000), digits=st.integers(1, 12))
def test_all_are_found_in_few_calls_and_the_next_batch_takes_fewer(
    refuse: Callable[[], JiraError], most: int, digits: int
) -> None:
    search, endpoints = Limited(most, refuse), Endpoints(ManualClock())
    keys = [f"PI-{10**digits + number}" for number in range(100)]
    found, first = read(search, endpoints, keys)
    assert found == set(keys)
    found, second = read(search, endpoints, keys)
    assert found == set(keys)
    assert second <= first
    # The length is halved at most once too often, and each part leaves less than a key unused.
    usable = max(1, (most - len("key in ()")) // 2 // (digits + 8))
    assert second <= -(-len(keys) // usable)


@pytest.mark.parametrize("kind", ["414", "404 page", "400 page"])
def test_a_search_that_takes_no_key_at_all_is_given_up_in_few_calls(kind: str) -> None:
    search, endpoints = Limited(0, REFUSALS[kind]), Endpoints(ManualClock())
    with pytest.raises(JiraError):
        read(search, endpoints, [f"PI-{number}" for number in range(100)])
    assert len(search.lengths) < 10
