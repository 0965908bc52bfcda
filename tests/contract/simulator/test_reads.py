"""Cloud's reads as JIRA.md sections 1, 7 and 8 describe them: by key and in bulk."""

from typing import Any

import pytest

from tests.support.jira.simulator import Client, cloud
from worker.simulator import defaults


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


def _within(part: Any, whole: Any) -> bool:
    """Whether everything in ``part`` is in ``whole``, which may have more members."""
    if isinstance(part, dict):
        return all(_within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(_within, part, whole))
    return bool(part == whole)
