"""Cloud's reads as JIRA.md sections 1, 7 and 8 describe them: by key, in bulk, by search."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.clock import SystemClock
from tests.support.simulator import Client, cloud
from tests.support.waiting import eventually
from worker.jira.simulator import defaults


@pytest.fixture(scope="module")
def jira() -> Iterator[Client]:
    """A Cloud that no test of this module changes."""
    with cloud() as client:
        yield client


@pytest.fixture
def own_jira() -> Iterator[Client]:
    """A Cloud for tests that change it."""
    with cloud() as client:
        yield client


def test_pi_42_is_the_ticket_of_the_source_document(jira: Client) -> None:
    fields = jira.issue("PI-42")["fields"]

    assert fields["summary"] == "Build 50 aluminum housings"
    assert fields[defaults.FIELD_PART_NUMBER] == "ALU-HOUSING-7075"
    assert fields[defaults.FIELD_QUANTITY] == 50.0
    assert fields["priority"]["name"] == "High"
    assert fields["labels"] == ["Q1-2024", "rush"]
    assert fields["parent"]["key"] == "PI-10"
    assert fields["parent"]["fields"]["issuetype"]["hierarchyLevel"] == 1


def test_the_seed_is_the_same_at_every_start(jira: Client) -> None:
    with cloud() as other:
        one, two = jira.issue("PI-37"), other.issue("PI-37")

    for name in ("summary", defaults.FIELD_PART_NUMBER, "labels", defaults.FIELD_QUANTITY):
        assert one["fields"][name] == two["fields"][name]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customfield_10910", {"value": "Aluminum 7075-T6"}),
        ("customfield_10911", {"value": "Mill", "child": {"value": "DMU 50"}}),
        ("customfield_10912", [{"value": "Anodized"}, {"value": "Bead blasted"}]),
        ("customfield_10914", {"displayName": "Emil Sørensen"}),
        ("customfield_10915", {"name": "Rev C"}),
        ("customfield_10916", "2024-03-31"),
        ("customfield_10917", "2024-01-15T10:30:00.000+0100"),
        ("customfield_10918", "https://drawings.routecard.example/ALU-7075"),
        ("customfield_10919", ["EN-10204-3.1", "RoHS"]),
        ("customfield_10920", [{"name": "Rev A"}, {"name": "Rev B"}]),
    ],
)
def test_each_kind_of_value_has_its_shape(jira: Client, field: str, value: Any) -> None:
    assert _within(value, jira.issue("PI-11")["fields"][field])


def test_rich_text_is_a_document_in_v3_and_text_in_v2(jira: Client) -> None:
    text = jira.issue("PI-11", version="2")["fields"]["customfield_10913"]
    document = jira.issue("PI-11", version="3")["fields"]["customfield_10913"]

    assert text == "Clamp on fixture F-12.\nDeburr all edges.\n\nInspect bore to H7."
    assert document["type"] == "doc"
    assert len(document["content"]) == 2
    assert {"type": "hardBreak"} in document["content"][0]["content"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("PI-13", {"priority": None}),
        ("PI-14", {defaults.FIELD_PART_NUMBER: None}),
        ("PI-15", {"labels": []}),
        ("PI-18", {defaults.FIELD_QUANTITY: 4.5}),
        ("PI-19", {defaults.FIELD_QUANTITY: 0.0}),
    ],
)
def test_tickets_with_something_missing_or_odd_are_there(
    jira: Client, key: str, expected: dict[str, Any]
) -> None:
    fields = jira.issue(key)["fields"]

    assert {name: fields[name] for name in expected} == expected


def test_a_subtask_has_its_story_as_parent_and_no_epic(jira: Client) -> None:
    fields = jira.issue("PI-17")["fields"]

    assert fields["parent"]["fields"]["issuetype"]["name"] != "Epic"
    assert fields[defaults.FIELD_EPIC_LINK] is None


def test_one_ticket_has_only_the_old_epic_link(jira: Client) -> None:
    fields = jira.issue("PI-16")["fields"]

    assert "parent" not in fields
    assert fields[defaults.FIELD_EPIC_LINK] == "PI-10"


def test_a_team_managed_project_leaves_out_what_is_unset(jira: Client) -> None:
    assert "priority" not in jira.issue("TL-1")["fields"]


def test_two_fields_share_a_name(jira: Client) -> None:
    fields = jira.get("/rest/api/3/field").json()

    sharing = [f for f in fields if f["name"] == "Part Number"]
    assert len(sharing) == 2
    assert [f.get("scope", {}).get("type") for f in sharing] == [None, "PROJECT"]


@pytest.mark.parametrize(
    ("asked", "key"), [("pi-42", "PI-42"), ("TL-990", "PI-22"), ("10042", "PI-42")]
)
def test_a_ticket_is_found_by_id_any_case_and_former_key(
    jira: Client, asked: str, key: str
) -> None:
    assert jira.issue(asked)["key"] == key


@pytest.mark.parametrize("key", ["PI-99999", "PI-23", "RD-1", "nonsense"])
def test_missing_and_hidden_look_alike(jira: Client, key: str) -> None:
    answer = jira.get(f"/rest/api/2/issue/{key}")

    assert answer.status_code == 404
    assert "do not have permission" in answer.json()["errorMessages"][0]


def test_fields_are_chosen_by_name_star_and_minus(jira: Client) -> None:
    some = jira.issue("PI-1", "summary,labels")["fields"]
    but_one = jira.issue("PI-1", "*all,-summary")["fields"]

    assert set(some) == {"summary", "labels"}
    assert "summary" not in but_one
    assert "labels" in but_one


class TestBulkFetch:
    """``POST issue/bulkfetch``."""

    def test_issues_come_by_ascending_id_and_not_in_request_order(self, jira: Client) -> None:
        issues = jira.bulk("PI-42", "PI-3", "10020")["issues"]

        assert [issue["key"] for issue in issues] == ["PI-3", "PI-20", "PI-42"]

    def test_missing_and_hidden_tickets_are_silently_absent(self, jira: Client) -> None:
        answer = jira.bulk("PI-42", "PI-99999", "PI-23", "RD-1", "what")

        assert [issue["key"] for issue in answer["issues"]] == ["PI-42"]
        assert answer["issueErrors"] == []

    def test_a_former_key_answers_with_the_new_one_and_once(self, jira: Client) -> None:
        issues = jira.bulk("tl-990", "PI-22")["issues"]

        assert [issue["key"] for issue in issues] == ["PI-22"]

    @pytest.mark.parametrize("count", [0, 101])
    def test_none_and_more_than_a_hundred_are_refused(self, jira: Client, count: int) -> None:
        body = {"issueIdsOrKeys": [f"PI-{n + 1}" for n in range(count)]}

        assert jira.post("/rest/api/2/issue/bulkfetch", json=body).status_code == 400

    @pytest.mark.parametrize("more", [{"expand": None}, {"fields": "summary"}, {"unknown": 1}])
    def test_a_body_that_breaks_the_schema_is_refused(
        self, jira: Client, more: dict[str, Any]
    ) -> None:
        body = {"issueIdsOrKeys": ["PI-1"]} | more

        assert jira.post("/rest/api/2/issue/bulkfetch", json=body).status_code == 400

    def test_without_fields_the_navigable_ones_come(self, jira: Client) -> None:
        answer = jira.post("/rest/api/2/issue/bulkfetch", json={"issueIdsOrKeys": ["PI-1"]})

        fields = answer.json()["issues"][0]["fields"]
        assert defaults.FIELD_PART_NUMBER in fields
        assert "comment" not in fields


class TestSearch:
    """``search/jql``."""

    @pytest.mark.parametrize("most", [9, 6])
    def test_pages_go_on_by_token_until_there_is_none(self, own_jira: Client, most: int) -> None:
        own_jira.set(shortPages=most == 6)
        body: dict[str, Any] = {"jql": "project = PI ORDER BY updated ASC", "maxResults": 9}
        seen: list[str] = []
        while True:
            page = own_jira.post("/rest/api/3/search/jql", json=body | {"fields": ["key"]}).json()
            seen += [issue["key"] for issue in page["issues"]]
            assert len(page["issues"]) <= most
            assert "total" not in page
            if page["isLast"]:
                break
            body["nextPageToken"] = page["nextPageToken"]

        assert "nextPageToken" not in page
        assert sorted(seen) == sorted(f"PI-{n}" for n in range(1, 61) if n != 23)

    def test_without_fields_there_are_only_ids(self, jira: Client) -> None:
        page = jira.post("/rest/api/2/search/jql", json={"jql": "key = PI-42"}).json()

        assert page["issues"] == [{"id": "10042"}]

    def test_a_page_with_fields_holds_a_hundred_at_most(self) -> None:
        with cloud(tickets=150) as client:
            body = {"jql": "project = PI", "maxResults": 5000}
            full = client.post("/rest/api/3/search/jql", json=body | {"fields": ["summary"]})
            bare = client.post("/rest/api/3/search/jql", json=body | {"fields": ["id"]})

        assert len(full.json()["issues"]) == 100
        assert len(bare.json()["issues"]) == 149

    def test_a_token_of_another_search_is_refused(self, jira: Client) -> None:
        first = jira.post("/rest/api/3/search/jql", json={"jql": "project = PI", "maxResults": 2})
        body = {"jql": "project = TL", "nextPageToken": first.json()["nextPageToken"]}

        assert jira.post("/rest/api/3/search/jql", json=body).status_code == 400

    def test_a_ticket_edited_between_pages_is_met_again_and_none_is_lost(
        self, own_jira: Client
    ) -> None:
        body = {"jql": "project = PI order by updated asc", "fields": ["key"], "maxResults": 40}
        first = own_jira.post("/rest/api/3/search/jql", json=body).json()
        again = first["issues"][0]["key"]
        own_jira.put(f"/rest/api/2/issue/{again}", json={"fields": {"summary": "Edited"}})

        token = {"nextPageToken": first["nextPageToken"]}
        second = own_jira.post("/rest/api/3/search/jql", json=body | token).json()

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
            ("updated >= soon()", "Unable to find JQL function"),
            ("project = PI order by " + ",".join(["key"] * 8), "at most 7"),
            ("project = PI order by nonsense", "Field 'nonsense' does not exist"),
        ],
    )
    def test_a_query_jira_does_not_take_is_400_with_jiras_words(
        self, jira: Client, jql: str, words: str
    ) -> None:
        answer = jira.post("/rest/api/3/search/jql", json={"jql": jql})

        assert answer.status_code == 400
        assert words in answer.json()["errorMessages"][0]

    def test_unknown_keys_can_be_made_to_pass(self, own_jira: Client) -> None:
        own_jira.set(missingKeyIsError=False)

        assert own_jira.found("key in (PI-1, PI-99999)") == ["PI-1"]

    def test_the_old_search_is_gone_and_names_the_new_one(self, jira: Client) -> None:
        answer = jira.get("/rest/api/2/search", params={"jql": "project = PI"})

        assert answer.status_code == 410
        assert "/rest/api/3/search/jql" in answer.json()["errorMessages"][0]

    def test_the_approximate_count_counts(self, jira: Client) -> None:
        answer = jira.post("/rest/api/3/search/approximate-count", json={"jql": "project = PI"})

        assert answer.json() == {"count": 59}

    def test_dates_mean_the_accounts_zone_to_the_minute(self, own_jira: Client) -> None:
        own_jira.put("/rest/api/2/issue/PI-7", json={"fields": {"summary": "Now"}})
        zone = ZoneInfo(own_jira.get("/rest/api/3/myself").json()["timeZone"])
        now = SystemClock().now().astimezone(zone)

        before = own_jira.found(f'project = PI AND updated >= "{now:%Y/%m/%d %H:%M}"')
        after = own_jira.found(f'updated > "{now + timedelta(minutes=1):%Y-%m-%d %H:%M}"')

        assert "PI-7" in before
        assert after == []

    @pytest.mark.parametrize("since", ["-1m", '"-1m"', "{now_ms}"])
    def test_relative_dates_and_epoch_milliseconds_need_no_zone(
        self, own_jira: Client, since: str
    ) -> None:
        now_ms = own_jira.simulator.store.now_ms() - 1
        own_jira.put("/rest/api/2/issue/PI-7", json={"fields": {"summary": "Now"}})

        found = own_jira.found(f"project = PI AND updated >= {since.format(now_ms=now_ms)}")

        assert found == ["PI-7"]

    def test_the_index_lags_behind_edits_unless_reconciled(self, own_jira: Client) -> None:
        own_jira.set(searchLagSeconds=0.5)
        own_jira.put("/rest/api/2/issue/PI-7", json={"fields": {"summary": "Edited"}})

        assert own_jira.issue("PI-7", "summary")["fields"]["summary"] == "Edited"
        assert own_jira.found('project = PI AND summary ~ "Edited"') == []
        assert own_jira.found('summary ~ "Edited"', reconcileIssues=[10007]) == ["PI-7"]
        eventually(lambda: own_jira.found('project = PI AND summary ~ "Edited"') == ["PI-7"])

    def test_deleted_tickets_match_no_search(self, own_jira: Client) -> None:
        own_jira.delete("/rest/api/2/issue/PI-7")

        assert "PI-7" not in own_jira.found("project = PI")
        assert own_jira.get("/rest/api/2/issue/PI-7").status_code == 404


def _within(part: Any, whole: Any) -> bool:
    """Whether everything in ``part`` is in ``whole``, which may have more members."""
    if isinstance(part, dict):
        return all(_within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(_within, part, whole))
    return bool(part == whole)
