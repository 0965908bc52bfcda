"""The simulator's tickets: their versions, how they are shown and what may be written."""

from random import Random
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import ManualClock
from worker.simulator.config import Deployment
from worker.simulator.site.adf import from_adf, to_adf
from worker.simulator.site.fields import FIELDS, NAVIGABLE
from worker.simulator.site.render import Renderer, Selection
from worker.simulator.site.seed import TicketGenerator
from worker.simulator.site.site import PROJECTS, Site
from worker.simulator.site.store import Change, Event, Store, UnknownTicketError
from worker.simulator.site.values import BadValueError, read_fields


@pytest.fixture
def site() -> Site:
    """A Cloud site."""
    return Site("http://jira", Deployment.CLOUD, "America/New_York")


@pytest.fixture
def store(clock: ManualClock, site: Site) -> Store:
    """A store with one ticket, PI-1."""
    store = Store(clock=clock, projects=PROJECTS)
    wire = read_fields(site, {"summary": "One", "issuetype": "Task", "status": "To Do"})
    store.add(project="PI", fields=wire)
    return store


class TestStore:
    """Versions and keys."""

    def test_an_edit_makes_a_version_and_leaves_the_old_one(self, store: Store) -> None:
        before = store.get("PI-1")
        after = store.edit(before.id, {"summary": "Two"})

        assert (before.fields["summary"], after.fields["summary"]) == ("One", "Two")
        assert store.before_last(after) == before

    def test_two_edits_within_a_millisecond_have_an_order(self, store: Store) -> None:
        times = [store.edit(10001, {"summary": text}).updated_ms for text in "abc"]

        assert times == sorted(set(times))

    def test_a_moved_ticket_keeps_its_id_and_answers_to_both_keys(self, store: Store) -> None:
        after = store.move(10001, project="TL")

        assert (after.id, after.key) == (10001, "TL-1")
        assert store.get("pi-1") == store.get("TL-1") == store.get("10001") == after

    def test_a_deleted_ticket_is_unknown_and_its_number_not_used_again(self, store: Store) -> None:
        store.delete(10001)

        with pytest.raises(UnknownTicketError):
            store.get("PI-1")
        assert store.add(project="PI", fields={}).key == "PI-2"

    def test_the_index_shows_what_was_so_a_while_ago(
        self, store: Store, clock: ManualClock
    ) -> None:
        clock.advance(10)
        store.edit(10001, {"summary": "Two"})
        clock.advance(1)

        def summaries(lag_ms: int) -> list[str]:
            return [ticket.fields["summary"] for ticket in store.indexed(lag_ms=lag_ms)]

        assert summaries(0) == ["Two"]
        assert summaries(5_000) == ["One"]
        assert summaries(60_000) == []

    def test_listeners_hear_of_each_change_with_the_version_before(self, store: Store) -> None:
        heard: list[Event] = []
        store.listen(heard.append)
        store.edit(10001, {"summary": "Two"})
        store.hide(10001, hidden=True)
        store.delete(10001)

        assert [event.change for event in heard] == [Change.UPDATED, Change.DELETED]
        assert heard[0].before is not None
        assert heard[0].before.fields["summary"] == "One"


class TestShown:
    """Rendering."""

    def test_times_are_in_the_accounts_zone_without_a_colon(self, store: Store, site: Site) -> None:
        shown = Renderer(site, store).timestamp(1_700_000_000_123)

        assert shown == "2023-11-14T17:13:20.123-0500"

    @pytest.mark.parametrize(
        ("names", "chosen"),
        [
            (["summary"], {"summary"}),
            (["summary,labels", "-labels"], {"summary"}),
            (["*all"], set(FIELDS)),
            (["*navigable"], set(NAVIGABLE)),
            (["-summary"], set(NAVIGABLE) - {"summary"}),
            (["nonsense"], set()),
        ],
    )
    def test_fields_are_chosen(self, names: list[str], chosen: set[str]) -> None:
        assert set(Selection.of(names, default="*all").fields) == chosen

    def test_ids_and_keys_alone_need_no_fields(self) -> None:
        assert Selection.of([], default="id").bare == frozenset({"id"})
        assert Selection.of(["key"], default="id").bare == frozenset({"key"})
        assert Selection.of(["key", "summary"], default="id").bare is None

    @given(st.text(alphabet="ab \n", max_size=30))
    def test_text_survives_the_way_through_a_document(self, text: str) -> None:
        assert from_adf(to_adf(text)) == text


class TestValues:
    """Writing."""

    def test_plain_words_and_jiras_shapes_mean_the_same(self, site: Site) -> None:
        plain = {"priority": "High", "customfield_10910": "Steel", "assignee": "emil"}
        shaped = {
            "priority": {"id": "2"},
            "customfield_10910": {"value": "Steel"},
            "assignee": {"accountId": site.user("emil")["accountId"]},
        }

        assert read_fields(site, plain) == read_fields(site, shaped)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("summary", 5),
            ("priority", "Urgent"),
            ("priority", {"id": "99"}),
            ("labels", ["two words"]),
            ("customfield_10909", "5"),
            ("customfield_10909", True),
            ("assignee", "nobody"),
            ("assignee", {"accountId": "nobody"}),
            ("updated", "2024-01-01"),
            ("nonsense", 1),
        ],
    )
    def test_what_jira_refuses_is_refused_by_field(
        self, site: Site, field: str, value: Any
    ) -> None:
        with pytest.raises(BadValueError) as refusal:
            read_fields(site, {field: value, "description": "fine"})

        assert list(refusal.value.errors) == [field]


def test_tens_of_thousands_of_tickets_are_seeded_in_seconds(site: Site, clock: ManualClock) -> None:
    store = Store(clock=clock, projects=PROJECTS)
    began = monotonic()
    TicketGenerator(store, site, Random(1), store.now_ms()).create_seed(tickets=20_000)

    assert monotonic() - began < 8
    assert len(store) == 20_025
    assert store.get("PI-20000").created_ms < store.now_ms()
