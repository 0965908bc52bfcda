"""Reading changes loses nothing at the borders of pages, minutes and milliseconds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tickets.ticket import Ticket
from worker.jira.changes import changed_jql, scan
from worker.jira.errors import JiraUnavailable
from worker.jira.fields.mapping import FieldMapping
from worker.jira.fields.tickets import ticket_from_issue
from worker.jira.http.connection import Connection
from worker.jira.port import OVERLAP, ChangeQuery, Page
from worker.jira.reads.searches import OffsetSearch, Query, RawPage

START = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def convert(raw: object) -> Ticket:
    return ticket_from_issue(raw, FieldMapping())


@dataclass
class Index:
    """Issues in a search index: id to the millisecond of its last change after START.

    ``edits`` happen one by one, each after a page was given.
    """

    changed: dict[int, int]
    size: int = 5
    edits: list[tuple[int, int]] = field(default_factory=list)
    asked: int = 0

    def matching(self, jql: str) -> list[tuple[int, int]]:
        self.asked += 1
        since = int(jql.partition("updated >= ")[2].split()[0]) - int(START.timestamp()) * 1000
        return sorted((at, number) for number, at in self.changed.items() if at >= since)

    def edit(self) -> None:
        if self.edits:
            number, at = self.edits.pop(0)
            if number in self.changed:
                self.changed[number] = at


@dataclass
class ByToken(Index):
    """Cloud: the token remembers the place, whatever happened before it."""

    def __call__(self, jql: str, *, size: int, following: str | None) -> RawPage:
        place = tuple(int(part) for part in following.split()) if following else (-1, -1)
        rest = [row for row in self.matching(jql) if row > place]
        page = rest[: min(size, self.size)]
        self.edit()
        more = len(rest) > len(page)
        return RawPage(
            [issue(*row) for row in page], " ".join(map(str, page[-1])) if more else None
        )


@dataclass
class ByOffset(Index):
    """Data Center's own paging over its answers, as they come over the wire."""

    def __call__(self, jql: str, *, size: int, following: str | None) -> RawPage:
        search = OffsetSearch(cast("Connection", self), post=True)
        return search.page(Query(jql=jql, fields=(), size=size, following=following))

    def post(self, path: str, params: dict[str, Any], *, deadline: float | None) -> dict[str, Any]:
        assert (path, deadline) == ("search", None)
        matching = self.matching(params["jql"])
        start = params["startAt"]
        page = matching[start : start + min(params["maxResults"], self.size + 1)]
        self.edit()
        return {"issues": [issue(*row) for row in page], "total": len(matching)}


def issue(at: int, number: int) -> dict[str, Any]:
    moment = START + timedelta(milliseconds=at)
    return {
        "id": str(number),
        "key": f"PI-{number}",
        "fields": {"updated": moment.isoformat(timespec="milliseconds")},
    }


def pages_of(index: ByToken | ByOffset, *, since: datetime = START) -> Iterator[Page]:
    return scan(ChangeQuery(since=since, page_size=5), search=index, convert=convert)


def ids_of(pages: Iterable[Page]) -> list[str]:
    return [one.issue_id for page in pages for one in page.tickets]


def named(changed: dict[int, int]) -> set[str]:
    return {str(number) for number in changed}


def test_the_query_is_bounded_ordered_and_safe_from_time_zones() -> None:
    jql = changed_jql(ChangeQuery(projects=("PI", 'A"B')), since=START)
    assert jql == (
        f'project in ("PI", "A\\"B") AND updated >= {int(START.timestamp())}000 '
        "ORDER BY updated ASC, key ASC"
    )
    assert changed_jql(ChangeQuery(), since=START).startswith("updated >= ")


def test_a_poll_starts_before_its_watermark_because_search_lags() -> None:
    assert ChangeQuery(projects=("PI",)).after(START) == ChangeQuery(
        projects=("PI",), since=START - OVERLAP
    )


Paging: TypeAlias = type[ByToken] | type[ByOffset]
PAGING = pytest.mark.parametrize("paging", [ByToken, ByOffset])


@PAGING
@settings(deadline=None)
@given(
    changed=st.dictionaries(st.integers(1, 60), st.integers(0, 600_000), max_size=60),
    size=st.integers(1, 7),
)
def test_a_quiet_index_is_read_whole_once_and_in_order(
    paging: Paging, changed: dict[int, int], size: int
) -> None:
    tickets = [one for page in pages_of(paging(changed, size=size)) for one in page.tickets]
    assert {one.issue_id for one in tickets} == named(changed)
    assert len(tickets) == len(changed)
    assert [one.updated_at for one in tickets] == sorted(one.updated_at for one in tickets)


@PAGING
@settings(deadline=None)
@given(numbers=st.sets(st.integers(1, 40), min_size=1), at=st.integers(0, 59_999))
def test_a_bulk_edit_within_one_moment_is_read_whole(
    paging: Paging, numbers: set[int], at: int
) -> None:
    changed = dict.fromkeys(numbers, at)
    assert sorted(ids_of(pages_of(paging(changed)))) == sorted(named(changed))


@PAGING
@settings(deadline=None)
@given(
    changed=st.dictionaries(st.integers(1, 30), st.integers(0, 120_000), min_size=6, max_size=30),
    edits=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 60_000)), max_size=15),
)
def test_edits_between_the_pages_lose_no_ticket(
    paging: Paging, changed: dict[int, int], edits: list[tuple[int, int]]
) -> None:
    later = [(number, 130_000 + at) for number, at in edits]
    index = paging(dict(changed), edits=sorted(later, key=lambda edit: edit[1]))
    seen = {one.issue_id: one.updated_at for page in pages_of(index) for one in page.tickets}
    assert seen.keys() == named(changed)


@PAGING
def test_a_scan_never_pages_deep_where_time_moves_on(paging: Paging) -> None:
    index = paging({number: number * 61_000 for number in range(1, 101)})
    starts = []

    def noted(jql: str, *, size: int, following: str | None) -> RawPage:
        starts.append(following)
        return index(jql, size=size, following=following)

    list(scan(ChangeQuery(since=START, page_size=5), search=noted, convert=convert))
    assert set(starts) == {None}
    assert len(starts) < 30


def test_a_cursor_that_ends_early_is_noticed() -> None:
    index = ByToken({number: number * 10_000 for number in range(1, 41)})

    def cut_once(jql: str, *, size: int, following: str | None) -> RawPage:
        page = index(jql, size=size, following=following)
        return RawPage(page.issues, None) if following is not None and index.asked < 4 else page

    pages = scan(ChangeQuery(since=START, page_size=5), search=cut_once, convert=convert)
    assert len(set(ids_of(pages))) == 40


@PAGING
def test_a_scan_that_stopped_goes_on_from_its_watermark(paging: Paging) -> None:
    index = paging({number: number * 13_000 for number in range(1, 51)})
    first = next(pages_of(index))
    assert first.watermark is not None
    rest = pages_of(index, since=first.watermark)
    assert len({*ids_of([first]), *ids_of(rest)}) == 50


def test_an_unusable_issue_is_named_and_does_not_block_others() -> None:
    def search(jql: str, *, size: int, following: str | None) -> RawPage:
        assert jql
        assert size
        assert following is None
        return RawPage([issue(1000, 1), {"key": "PI-2"}, {"id": "3"}, "odd"], None)

    (page,) = scan(ChangeQuery(), search=search, convert=convert)
    assert [one.key for one in page.tickets] == ["PI-1"]
    assert page.unusable.keys() == {"PI-2", "3", "entry 4"}


def test_pages_that_go_in_circles_end_in_an_error() -> None:
    def search(jql: str, *, size: int, following: str | None) -> RawPage:
        assert jql
        assert size
        return RawPage([issue(1, 1)], following or "again")

    with pytest.raises(JiraUnavailable, match="the same page repeatedly"):
        list(scan(ChangeQuery(since=START), search=search, convert=convert))


def test_a_server_that_ignores_the_order_is_paged_to_its_end() -> None:
    pages = [
        RawPage([issue(500_000, 1), issue(3_000, 2)], "2"),
        RawPage([issue(900_000, 3), issue(1_000, 4)], "4"),
        RawPage([issue(2_000, 5), issue(0, 6)], None),
    ]

    def search(jql: str, *, size: int, following: str | None) -> RawPage:
        assert jql
        assert size
        return pages[int(following or 0) // 2]

    found = scan(ChangeQuery(since=START), search=search, convert=convert)
    assert len(ids_of(found)) == 6
