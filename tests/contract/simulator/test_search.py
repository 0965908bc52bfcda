"""Cloud's searches as JIRA.md sections 1 and 9 describe them: tokens, dates, lag and refusals."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.clock import SystemClock
from tests.support.jira.simulator import Client, cloud


@pytest.mark.parametrize("most", [9, 6])
def test_pages_go_on_by_token_until_there_is_none(jira: Client, most: int) -> None:
    jira.set(shortPages=most == 6)
    body: dict[str, Any] = {"jql": "project = PI ORDER BY updated ASC", "maxResults": 9}
    seen: list[str] = []
    while True:
        page = jira.post("/rest/api/3/search/jql", json=body | {"fields": ["key"]}).json()
        seen += [issue["key"] for issue in page["issues"]]
        assert len(page["issues"]) <= most
        assert "total" not in page
        if page["isLast"]:
            break
        body["nextPageToken"] = page["nextPageToken"]

    assert "nextPageToken" not in page
    assert sorted(seen) == sorted(f"PI-{n}" for n in range(1, 61) if n != 23)


def test_without_fields_there_are_only_ids(jira: Client) -> None:
    page = jira.post("/rest/api/2/search/jql", json={"jql": "key = PI-42"}).json()

    assert page["issues"] == [{"id": "10042"}]


def test_a_page_with_fields_holds_a_hundred_at_most() -> None:
    with cloud(tickets=150) as client:
        body = {"jql": "project = PI", "maxResults": 5000}
        full = client.post("/rest/api/3/search/jql", json=body | {"fields": ["summary"]})
        bare = client.post("/rest/api/3/search/jql", json=body | {"fields": ["id"]})

    assert len(full.json()["issues"]) == 100
    assert len(bare.json()["issues"]) == 149


def test_a_token_of_another_search_is_refused(jira: Client) -> None:
    first = jira.post("/rest/api/3/search/jql", json={"jql": "project = PI", "maxResults": 2})
    body = {"jql": "project = TL", "nextPageToken": first.json()["nextPageToken"]}

    assert jira.post("/rest/api/3/search/jql", json=body).status_code == 400


def test_a_ticket_edited_between_pages_is_met_again_and_none_is_lost(jira: Client) -> None:
    body = {"jql": "project = PI order by updated asc", "fields": ["key"], "maxResults": 40}
    first = jira.post("/rest/api/3/search/jql", json=body).json()
    again = first["issues"][0]["key"]
    jira.put(f"/rest/api/2/issue/{again}", json={"fields": {"summary": "Edited"}})

    token = {"nextPageToken": first["nextPageToken"]}
    second = jira.post("/rest/api/3/search/jql", json=body | token).json()

    keys = [issue["key"] for issue in first["issues"] + second["issues"]]
    assert len(set(keys)) == 59
    assert keys.count(again) == 2


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("order by key", "Unbounded"),
        ("", "Unbounded"),
        ("project = NOPE", "The value 'NOPE' does not exist"),
        ("project = RD", "The value 'RD' does not exist"),
        ("nonsense = 1", "Field 'nonsense' does not exist"),
        ("project PI", "Error in the JQL Query"),
        ("project = PI AND", "before the end of the query"),
        ("key in (PI-1, PI-99999)", "An issue with key 'PI-99999' does not exist"),
        ("key = what", "The issue key 'what' for field 'key' is invalid"),
        ('updated >= "2024-01-01 10:00:00"', "Date value"),
        ("updated >= soon()", "Error in the JQL Query"),
        ("project = PI OR project = TL", "does not support 'OR'"),
        ("project = PI order by " + ",".join(["key"] * 8), "at most 7"),
        ("project = PI order by nonsense", "Field 'nonsense' does not exist"),
    ],
)
def test_a_query_jira_does_not_take_is_400_with_jiras_words(
    jira: Client, jql: str, words: str
) -> None:
    answer = jira.post("/rest/api/3/search/jql", json={"jql": jql})

    assert answer.status_code == 400
    assert words in answer.json()["errorMessages"][0]


def test_unknown_keys_can_be_made_to_pass(jira: Client) -> None:
    jira.set(missingKeyIsError=False)

    assert jira.found("key in (PI-1, PI-99999)") == ["PI-1"]


def test_the_old_search_is_gone_and_names_the_new_one(jira: Client) -> None:
    answer = jira.get("/rest/api/2/search", params={"jql": "project = PI"})

    assert answer.status_code == 410
    assert "/rest/api/3/search/jql" in answer.json()["errorMessages"][0]


def test_the_approximate_count_counts(jira: Client) -> None:
    answer = jira.post("/rest/api/3/search/approximate-count", json={"jql": "project = PI"})

    assert answer.json() == {"count": 59}


def test_dates_mean_the_accounts_zone_to_the_minute(jira: Client) -> None:
    zone = ZoneInfo(jira.get("/rest/api/3/myself").json()["timeZone"])
    now = SystemClock().now().astimezone(zone)
    jira.put("/rest/api/2/issue/PI-7", json={"fields": {"summary": "Now"}})

    before = jira.found(f'project = PI AND updated >= "{now:%Y/%m/%d %H:%M}"')
    after = jira.found(f'updated > "{now + timedelta(minutes=2):%Y-%m-%d %H:%M}"')

    assert "PI-7" in before
    assert after == []


@pytest.mark.parametrize("since", ["-1m", '"-1m"', "{now_ms}"])
def test_relative_dates_and_epoch_milliseconds_need_no_zone(jira: Client, since: str) -> None:
    now_ms = jira.simulator.store.now_ms() - 1
    jira.put("/rest/api/2/issue/PI-7", json={"fields": {"summary": "Now"}})

    found = jira.found(f"project = PI AND updated >= {since.format(now_ms=now_ms)}")

    assert found == ["PI-7"]


def test_the_index_lags_behind_edits_unless_reconciled(jira: Client) -> None:
    jira.set(searchLagSeconds=60)
    now_ms = jira.simulator.store.now_ms() - 1
    jira.put("/rest/api/2/issue/PI-7", json={"fields": {"summary": "Edited"}})

    assert jira.issue("PI-7", "summary")["fields"]["summary"] == "Edited"
    assert jira.found(f"project = PI AND updated >= {now_ms}") == []
    assert jira.found(f"updated >= {now_ms}", reconcileIssues=[10007]) == ["PI-7"]
    jira.set(searchLagSeconds=0)
    assert jira.found(f"project = PI AND updated >= {now_ms}") == ["PI-7"]


def test_deleted_tickets_match_no_search(jira: Client) -> None:
    jira.delete("/rest/api/2/issue/PI-7")

    assert "PI-7" not in jira.found("project = PI")
    assert jira.get("/rest/api/2/issue/PI-7").status_code == 404
