"""The simulator's JQL: what it reads, what it refuses, and what matches."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import SystemClock
from worker.simulator.config import Deployment
from worker.simulator.search.dates import moment_ms
from worker.simulator.search.index import (
    BadTokenError,
    Search,
    SearchIndex,
    read_token,
    write_token,
)
from worker.simulator.search.jql import Clause, JqlError, Operand, parse
from worker.simulator.site.site import PROJECTS, Site
from worker.simulator.site.store import Store
from worker.simulator.site.values import read_fields

NOW = 1_700_000_000_000  # 2023-11-14T22:13:20Z
ZONE = "America/New_York"


@pytest.fixture
def store() -> Store:
    """Four tickets in two projects, a minute apart."""
    site = Site("http://jira", Deployment.CLOUD, ZONE)
    store = Store(clock=SystemClock(), projects=PROJECTS)
    rows: list[tuple[str, dict[str, Any]]] = [
        ("PI", {"summary": "Mill a housing", "priority": "High", "labels": ["rush", "Q1-2024"]}),
        ("PI", {"summary": "Turn a shaft", "priority": "Low", "status": "Done"}),
        ("TL", {"summary": "Grind a housing", "issuetype": "Bug"}),
        ("RD", {"summary": "Secret housing"}),
    ]
    for number, (project, fields) in enumerate(rows):
        usual = {"issuetype": "Task", "status": "To Do"}
        wire = read_fields(site, usual | fields)
        store.add(project=project, fields=wire, created_ms=NOW - 60_000 * number)
    return store


def _found(store: Store, jql: str, *, strict: bool = True) -> list[str]:
    search = Search(jql=jql, now_ms=NOW, strict=strict)
    found = SearchIndex(store, zone=ZONE).run(search, bounded=True)
    return [ticket.key for ticket in found.tickets]


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ("project = PI", ["PI-2", "PI-1"]),
        ("project in (pi, Tooling)", ["TL-1", "PI-2", "PI-1"]),
        ("key in (PI-2, tl-1)", ["TL-1", "PI-2"]),
        ("issuekey = 10001", ["PI-1"]),
        ("id in (10002, 10003)", ["TL-1", "PI-2"]),
        ("key in (PI-1, TL-1) AND key = PI-1", ["PI-1"]),
        ("project = PI AND created >= -1m AND updated < 1700000000000", ["PI-2"]),
        ("project = PI order by key", ["PI-1", "PI-2"]),
        ("created >= 0 order by created desc, key asc", ["PI-1", "PI-2", "TL-1"]),
        ("created >= -1m order by updated asc", ["PI-2", "PI-1"]),
    ],
)
def test_a_query_finds_what_it_says(store: Store, jql: str, keys: list[str]) -> None:
    assert _found(store, jql) == keys


def test_hidden_and_deleted_tickets_are_never_found(store: Store) -> None:
    store.hide(store.get("PI-1").id, hidden=True)
    store.delete(store.get("PI-2").id)

    assert _found(store, "created >= 0") == ["TL-1"]
    assert _found(store, "key in (PI-1, PI-2, RD-1, TL-1)", strict=False) == ["TL-1"]


def test_a_former_key_finds_the_ticket_where_it_is_now(store: Store) -> None:
    store.move(store.get("PI-1").id, project="TL")

    assert _found(store, "key = PI-1") == ["TL-2"]


@pytest.mark.parametrize(
    "jql",
    ["project = PI OR key = TL-1", "NOT project = PI", "project != PI", "project not in (PI)",
     'summary ~ "housing"', "project is EMPTY", "status = Done", "cf[10908] = x"]
)  # fmt: skip
def test_what_jira_takes_and_the_simulator_does_not_is_refused_by_name(
    store: Store, jql: str
) -> None:
    with pytest.raises(JqlError, match="simulator does not support"):
        _found(store, jql)


@pytest.mark.parametrize("jql", ["project > PI", "key >= PI-1", "updated = -1m", "created in (1)"])
def test_an_operator_that_a_field_does_not_take_is_refused(store: Store, jql: str) -> None:
    with pytest.raises(JqlError, match="is not supported by the"):
        _found(store, jql)


def test_quoted_words_are_values_and_not_keywords() -> None:
    assert parse('a = "and"').where == (Clause("a", "=", (Operand("and", quoted=True),)),)
    assert parse(r"a = 'it\'s'").where == (Clause("a", "=", (Operand("it's", quoted=True),)),)


@pytest.mark.parametrize(
    "jql", ["key in (IN-1)", "key = ORDER-1", "project = NULL", "project in (BY)"]
)
def test_a_reserved_word_must_be_quoted_also_before_a_number(store: Store, jql: str) -> None:
    with pytest.raises(JqlError):
        _found(store, jql)


def test_a_quoted_number_is_a_key_and_not_an_id(store: Store) -> None:
    assert _found(store, "key in (10001)") == ["PI-1"]
    with pytest.raises(JqlError, match="issue key '10001' for field 'key' is invalid"):
        _found(store, 'key in ("10001")')


def test_a_mistake_is_reported_with_its_position() -> None:
    with pytest.raises(JqlError, match=r"got 'PI'\. \(line 1, character 9\)"):
        parse("project PI")


@pytest.mark.parametrize(
    "jql", ["a", "a =", "= 1", "a = 1 b = 2", "(a = 1", "a in 1", "a in (", "a in ()", "a = '",
            "order key", "a = 1 order by", "a not 1", "a = f(", "a = 1 order by b sideways"]
)  # fmt: skip
def test_broken_queries_are_refused(jql: str) -> None:
    with pytest.raises(JqlError):
        parse(jql)


@given(st.text(alphabet="ab =!<>~()'\",\\ANDORinotordery1-", max_size=40))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    with suppress(JqlError):
        parse(text)


def _ms(text: str, zone: str = "UTC", **more: bool) -> int:
    return moment_ms(Operand(text, **more), field="updated", now_ms=NOW, zone=zone)


def _instant(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]  # year to minute


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2023/11/14 22:13", "UTC", _instant(2023, 11, 14, 22, 13)),
        ("2023-11-14 22:13", "America/New_York", _instant(2023, 11, 15, 3, 13)),
        ("2023-07-01 00:00", "America/New_York", _instant(2023, 7, 1, 4)),
        ("2023/11/14", "Asia/Tokyo", _instant(2023, 11, 13, 15)),
        ("-30m", "UTC", NOW - 1_800_000),
        ("-1d 2h", "UTC", NOW - 93_600_000),
        ("1w", "UTC", NOW + 604_800_000),
        ("1699999999999", "UTC", 1_699_999_999_999),
    ],
)
def test_dates_mean_minutes_in_the_accounts_zone(text: str, zone: str, moment: int) -> None:
    assert _ms(text, zone) == moment


@pytest.mark.parametrize(
    "text", ["2023-11-14 22:13:20", "2023-11-14T22:13", "yesterday", "-30s", ""]
)
def test_other_dates_are_refused(text: str) -> None:
    with pytest.raises(JqlError, match="Date value"):
        _ms(text, quoted=True)


def test_a_quoted_number_is_no_epoch() -> None:
    with pytest.raises(JqlError, match="Date value"):
        _ms("1699999999999", quoted=True)


@pytest.mark.parametrize("order", ["key", "updated desc", "created, key desc", "id desc"])
def test_pages_by_token_meet_every_ticket_once_in_order(store: Store, order: str) -> None:
    jql = f"created >= 0 order by {order}"
    whole, index = _found(store, jql), SearchIndex(store, zone=ZONE)
    paged: list[str] = []
    search = Search(jql=jql, now_ms=NOW)
    start = 0
    while start < len(whole):
        found = index.run(search, bounded=True)
        ticket = found.tickets[start]
        paged.append(ticket.key)
        now_ms, place = read_token(write_token(search, found.place(ticket)), jql=jql)
        assert now_ms == NOW
        start = found.after(place)

    assert paged == whole


@pytest.mark.parametrize("token", ["", "x", "bm9uc2Vuc2U=", "W10=", "WzEsMiwzXQ=="])
def test_a_token_that_was_never_given_is_refused(token: str) -> None:
    with pytest.raises(BadTokenError):
        read_token(token, jql="project = PI")
