"""Data Center as JIRA.md section 3 describes it."""

from collections.abc import Iterator

import pytest

from tests.support.jira.simulator import Client, data_center
from worker.simulator import defaults


@pytest.fixture(scope="module")
def jira() -> Iterator[Client]:
    """A Data Center that no test changes."""
    with data_center() as client:
        yield client


def test_it_says_what_it_is(jira: Client) -> None:
    assert jira.get("/rest/api/2/serverInfo").json()["deploymentType"] == "Server"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/rest/api/2/issue/bulkfetch"),
        ("POST", "/rest/api/2/search/jql"),
        ("GET", "/rest/api/3/myself"),
    ],
)
def test_it_lacks_what_came_with_cloud(jira: Client, method: str, path: str) -> None:
    assert jira.request(method, path, json={}).status_code in (404, 405)


def test_a_search_pages_by_offset_and_knows_its_total(jira: Client) -> None:
    seen: list[str] = []
    while True:
        params: dict[str, str | int] = {
            "jql": "project = PI ORDER BY key",
            "startAt": len(seen),
            "maxResults": 25,
        }
        page = jira.get("/rest/api/2/search", params=params).json()
        seen += [issue["key"] for issue in page["issues"]]
        assert page["total"] == 59
        if len(seen) >= page["total"]:
            break

    assert seen[:2] == ["PI-1", "PI-2"]
    assert len(set(seen)) == 59


def test_one_missing_key_fails_the_whole_query(jira: Client) -> None:
    body = {"jql": "key in (PI-1, PI-99999)", "fields": ["summary"]}

    answer = jira.post("/rest/api/2/search", json=body)

    assert answer.status_code == 400
    expected = "An issue with key 'PI-99999' does not exist for field 'key'."
    assert answer.json()["errorMessages"] == [expected]


def test_without_validation_the_missing_key_passes(jira: Client) -> None:
    body = {"jql": "key in (PI-1, PI-99999, what)", "validateQuery": "false"}

    page = jira.post("/rest/api/2/search", json=body).json()

    assert [issue["key"] for issue in page["issues"]] == ["PI-1"]


def test_reading_past_the_result_window_fails(jira: Client) -> None:
    params: dict[str, str | int] = {"jql": "project = PI", "startAt": 9_990, "maxResults": 50}

    assert jira.get("/rest/api/2/search", params=params).status_code == 500


def test_an_epic_is_a_custom_field_and_parent_is_for_subtasks(jira: Client) -> None:
    story, subtask = jira.issue("PI-42")["fields"], jira.issue("PI-17")["fields"]

    assert "parent" not in story
    assert story[defaults.FIELD_EPIC_LINK] == "PI-10"
    assert subtask["parent"]["key"] == "PI-16"


def test_people_have_names_and_keys_instead_of_account_ids(jira: Client) -> None:
    planner = jira.issue("PI-11")["fields"]["customfield_10914"]

    assert planner["name"] == "emil"
    assert planner["key"].startswith("JIRAUSER")
    assert "accountId" not in planner


def test_issue_types_have_no_hierarchy_level(jira: Client) -> None:
    assert "hierarchyLevel" not in jira.issue("PI-10")["fields"]["issuetype"]


def test_limits_are_announced_in_its_own_headers() -> None:
    with data_center(requests_per_second=1.0) as client:
        first = client.get("/rest/api/2/myself")
        second = client.get("/rest/api/2/myself")

    assert first.headers["X-RateLimit-Limit"] == "1"
    assert first.headers["X-RateLimit-FillRate"] == "1"
    assert first.headers["X-RateLimit-Interval-Seconds"] == "1"
    assert first.headers["retry-after"] == "0"
    assert second.status_code == 429
    assert int(second.headers["retry-after"]) >= 1
