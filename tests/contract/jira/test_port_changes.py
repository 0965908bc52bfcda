"""Reading changed tickets: pages, minutes and resumption, with every adapter over a real socket."""

from typing import Any

import pytest

from shared.clock import SystemClock
from tests.support.jira.clients import ConnectedJira
from tests.support.waiting import eventually
from worker.jira.errors import CallRefused
from worker.jira.port import ChangeQuery
from worker.simulator import defaults


def all_changed(jira: ConnectedJira, **query: Any) -> list[str]:
    pages = jira.jira.changed_since(ChangeQuery(projects=(defaults.PROJECT,), **query))
    return [one.key for page in pages for one in page.tickets]


def visible(project: str, jira: ConnectedJira) -> set[str]:
    current = jira.site.simulator.store.current()
    return {one.key for one in current if one.visible and one.project.key == project}


def test_a_first_import_reads_every_ticket_once_whatever_the_page_size(jira: ConnectedJira) -> None:
    for size in (100, 17):
        keys = all_changed(jira, page_size=size)
        assert len(keys) == len(set(keys))
        assert set(keys) == visible(defaults.PROJECT, jira)


def test_short_pages_do_not_end_a_scan(jira: ConnectedJira) -> None:
    jira.site.control("PATCH", "settings", {"shortPages": True})
    assert set(all_changed(jira)) == visible(defaults.PROJECT, jira)


def test_a_poll_sees_what_changed_and_no_more(jira: ConnectedJira) -> None:
    before = SystemClock().now()
    jira.edit("PI-7", summary="changed")
    since = before.replace(second=0, microsecond=0)
    assert "PI-7" in all_changed(jira, since=since)
    assert len(all_changed(jira, since=since)) < 20


def test_a_bulk_edit_of_more_than_a_page_within_a_minute_is_read_whole(jira: ConnectedJira) -> None:
    before = SystemClock().now()
    edited = [f"PI-{number}" for number in range(100, 220)]
    for key in edited:
        jira.edit(key, summary="all at once")
    assert set(edited) <= set(all_changed(jira, since=before, page_size=13))


def test_edits_between_the_pages_lose_no_ticket(jira: ConnectedJira) -> None:
    keys: set[str] = set()
    pages = jira.jira.changed_since(ChangeQuery(projects=(defaults.PROJECT,), page_size=10))
    everything = visible(defaults.PROJECT, jira)
    for number, page in enumerate(pages):
        keys |= {one.key for one in page.tickets}
        if number < 8 and page.tickets:
            jira.edit(page.tickets[0].key, summary=f"edited {number}")
    assert keys == everything


def test_a_scan_that_broke_off_goes_on_from_the_last_watermark(jira: ConnectedJira) -> None:
    query = ChangeQuery(projects=(defaults.PROJECT,), page_size=50)
    first = next(iter(jira.jira.changed_since(query)))
    keys = {one.key for one in first.tickets}
    keys |= set(all_changed(jira, since=first.watermark))
    assert keys == visible(defaults.PROJECT, jira)


def test_an_edit_that_search_shows_late_is_seen_by_a_later_poll(jira: ConnectedJira) -> None:
    jira.site.control("PATCH", "settings", {"searchLagSeconds": 1.0})
    jira.edit("PI-7", summary="shown late")
    assert "PI-7" not in all_changed(jira, since=SystemClock().now())
    jira.edit("PI-8", summary="later still")
    watermark = SystemClock().now()
    projects = (defaults.PROJECT,)
    query = ChangeQuery(projects=projects).after(watermark)

    def seen() -> set[str]:
        pages = jira.jira.changed_since(query)
        return {one.key for page in pages for one in page.tickets}

    eventually(lambda: {"PI-7", "PI-8"} <= seen(), within=5, every=0.2)


def test_a_project_jira_does_not_know_is_a_refused_query(jira: ConnectedJira) -> None:
    with pytest.raises(CallRefused):
        list(jira.jira.changed_since(ChangeQuery(projects=("NOPE",))))
