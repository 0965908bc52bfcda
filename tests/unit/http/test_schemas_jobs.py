"""The messages of spec/create-job.txt and the details of spec/API.md, field by field."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from api.creation.prefer_wait import WaitingHeaders
from api.schemas.fields import CLOUD_KEY_PATTERN, NAME_PATTERN, problems_of
from api.schemas.jobs import JobCreate, JobQuery, JobUpdate
from shared.states import TaskStatus

GOOD: dict[str, Any] = {"name": "JOB-1", "goalQuantity": 5}


def messages(model: Any, content: dict[str, Any]) -> list[str]:
    """What is wrong with this content, in the order it is checked."""
    try:
        model.model_validate(content)
    except ValidationError as error:
        return [problem.message for problem in problems_of(error)]
    return []


LONG = "x" * 256

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name is required"),
    ({"name": ""}, "name is required"),
    ({"name": " \t\n "}, "name is required"),
    ({"name": 5}, "name must be a string"),
    ({"name": ["JOB"]}, "name must be a string"),
    ({"name": LONG}, "name must be at most 255 characters"),
    ({"goalQuantity": None}, "goalQuantity is required"),
    ({"goalQuantity": 0}, "goalQuantity must be greater than 0"),
    ({"goalQuantity": -1}, "goalQuantity must be greater than 0"),
    ({"goalQuantity": -1.5}, "goalQuantity must be greater than 0"),
    ({"goalQuantity": -0.0}, "goalQuantity must be greater than 0"),
    ({"goalQuantity": "5"}, "goalQuantity must be a number"),
    ({"goalQuantity": ""}, "goalQuantity must be a number"),
    ({"goalQuantity": True}, "goalQuantity must be a number"),
    ({"goalQuantity": False}, "goalQuantity must be a number"),
    ({"goalQuantity": [5]}, "goalQuantity must be a number"),
    ({"goalQuantity": {}}, "goalQuantity must be a number"),
    ({"goalQuantity": 1.5}, "goalQuantity must be an integer"),
    ({"goalQuantity": 0.5}, "goalQuantity must be an integer"),
    ({"goalQuantity": 2147483648}, "goalQuantity must be at most 2147483647"),
    ({"goalQuantity": 1e300}, "goalQuantity must be at most 2147483647"),
    ({"jiraTicketKey": 42}, "jiraTicketKey must be a string"),
    ({"jiraTicketKey": ""}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "PI"}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "PI-0"}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "P-42"}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "PI-42 PI-43"}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "ß1-42"}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "PI-٤٢"}, "jiraTicketKey must look like PI-42"),
    ({"jiraTicketKey": "P" * 254 + "-1"}, "jiraTicketKey must be at most 255 characters"),
    ({"jiraTicketSummary": 1}, "jiraTicketSummary must be a string"),
    ({"jiraTicketSummary": LONG}, "jiraTicketSummary must be at most 255 characters"),
    ({"jiraPartNumber": {}}, "jiraPartNumber must be a string"),
    ({"jiraPriority": ["High"]}, "jiraPriority must be a string"),
    ({"jiraEpicLink": True}, "jiraEpicLink must be a string"),
    ({"jiraLabels": "rush"}, "jiraLabels must be an array of strings"),
    ({"jiraLabels": ["rush", 1]}, "jiraLabels must be an array of strings"),
    ({"jiraLabels": [None]}, "jiraLabels must be an array of strings"),
    ({"jiraLabels": {}}, "jiraLabels must be an array of strings"),
    ({"jiraLabels": ["ok", LONG]}, "jiraLabels[1] must be at most 255 characters"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=lambda value: repr(value)[:60])
def test_a_field_that_breaks_the_contract_gets_its_message(
    change: dict[str, Any], message: str
) -> None:
    assert messages(JobCreate, {**GOOD, **change}) == [message]


def test_all_problems_are_listed_in_the_order_of_the_contract() -> None:
    content = {"jiraLabels": 1, "jiraPriority": 1, "jiraTicketKey": "x", "goalQuantity": "5"}
    assert messages(JobCreate, content) == [
        "name is required",
        "goalQuantity must be a number",
        "jiraTicketKey must look like PI-42",
        "jiraPriority must be a string",
        "jiraLabels must be an array of strings",
    ]


def test_nothing_at_all_is_missing_both_name_and_quantity() -> None:
    assert messages(JobCreate, {}) == ["name is required", "goalQuantity is required"]


def test_what_is_kept_is_trimmed_cased_and_without_repeats() -> None:
    draft = JobCreate.model_validate(
        {
            "name": "  JOB-1 ",
            "goalQuantity": 50.0,
            "jiraTicketKey": " pi-42 ",
            "jiraPriority": "",
            "jiraPartNumber": " kept as it is ",
            "jiraLabels": ["b", "a", "b"],
        }
    ).draft()
    assert (draft.name, draft.goal_quantity, draft.jira_ticket_key) == ("JOB-1", 50, "PI-42")
    assert (draft.jira_priority, draft.jira_part_number) == (None, " kept as it is ")
    assert draft.jira_labels == ["b", "a"]


def test_no_labels_is_a_value_and_null_is_none() -> None:
    assert JobCreate.model_validate({**GOOD, "jiraLabels": []}).draft().jira_labels == []
    assert JobCreate.model_validate({**GOOD, "jiraLabels": None}).draft().jira_labels is None


def test_a_name_of_255_characters_beside_white_space_fits() -> None:
    assert messages(JobCreate, {**GOOD, "name": f"  {'x' * 255}  "}) == []


UPDATES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"name": None, "goalQuantity": None}, []),
    ({"jiraTicketKey": "not heeded", "id": 5}, []),
    ({"name": ""}, ["name cannot be empty"]),
    ({"name": "  "}, ["name cannot be empty"]),
    ({"name": 1}, ["name must be a string"]),
    ({"goalQuantity": "5"}, ["goalQuantity must be a number"]),
    ({"goalQuantity": 0}, ["goalQuantity must be greater than 0"]),
]


@pytest.mark.parametrize(("content", "expected"), UPDATES, ids=lambda value: repr(value)[:60])
def test_an_update_is_judged_by_what_it_says(content: dict[str, Any], expected: list[str]) -> None:
    assert messages(JobUpdate, content) == expected


NOT_A_MOMENT = "updatedSince must be an ISO 8601 timestamp such as 2024-01-15T10:30:00.000Z"

QUERIES: list[tuple[dict[str, str], list[str]]] = [
    ({"limit": "0"}, ["limit must be a whole number from 1 to 1000"]),
    ({"limit": "1001"}, ["limit must be a whole number from 1 to 1000"]),
    ({"limit": "ten"}, ["limit must be a whole number from 1 to 1000"]),
    ({"limit": "٣"}, ["limit must be a whole number from 1 to 1000"]),
    ({"cursor": "!"}, ["cursor must be one that this list gave"]),
    ({"cursor": "am9i"}, ["cursor must be one that this list gave"]),
    (
        {"updatedSince": "yesterday"},
        ["updatedSince must be an ISO 8601 timestamp such as 2024-01-15T10:30:00.000Z"],
    ),
    ({"jiraTicketKey": "x"}, ["jiraTicketKey must look like PI-42"]),
    ({"jiraSync": "done"}, ["jiraSync must be one of pending, running, filled, failed, cancelled"]),
    ({"status": "failed"}, ["status is not a known parameter"]),
]


@pytest.mark.parametrize(("content", "expected"), QUERIES, ids=lambda value: repr(value)[:60])
def test_a_query_that_would_be_misread_is_refused(
    content: dict[str, str], expected: list[str]
) -> None:
    assert messages(JobQuery, content) == expected


def test_a_query_is_read_as_meant() -> None:
    only = JobQuery.model_validate(
        {"q": "", "jiraTicketKey": " pi-1 ", "jiraSync": "failed", "updatedSince": "2024-01-15"}
    ).filters()
    assert (only.words, only.ticket_key, only.status) == (None, "PI-1", TaskStatus.FAILED)
    assert only.updated_since is not None
    assert only.updated_since.isoformat() == "2024-01-15T00:00:00+00:00"


PREFERENCES = [
    (None, 0),
    ("", 0),
    ("respond-async", 0),
    ("wait=5", 5),
    ("respond-async, wait=5", 5),
    ("WAIT=5", 5),
    ("wait = 5", 5),
    ('wait="5"', 5),
    ("wait=5; strict", 5),
    ("wait=600", 10),
    ("wait=99999999999999999999", 0),
    ("wait=2, wait=9", 2),
    ("wait=0", 0),
    ("wait=-1", 0),
    ("wait=soon", 0),
    ("wait", 0),
]


@pytest.mark.parametrize(("sent", "seconds"), PREFERENCES)
def test_a_preference_to_wait_is_read_as_rfc_7240_has_it(sent: str | None, seconds: int) -> None:
    sent_headers = {} if sent is None else {"Prefer": sent}
    assert WaitingHeaders.model_validate(sent_headers).wait_seconds() == seconds


def test_the_documents_patterns_and_our_trimming_agree_on_what_is_blank() -> None:
    # ECMA-262, WhiteSpace and LineTerminator, beside what str.isspace takes for blank.
    javascript = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"
    javascript += "".join(map(chr, range(0x2000, 0x200B)))
    # What the pattern names is in it under any reading of its own `\\s`.
    named = set("\x1c\x1d\x1e\x1f\x85\ufeff")
    for sign in map(chr, range(1, 0x10000)):
        blank = sign in javascript or sign in named
        assert blank == (sign.isspace() or sign == "\ufeff")
        assert (re.search(NAME_PATTERN, sign) is None) == blank
        assert ("name is required" in messages(JobCreate, {**GOOD, "name": sign})) == blank
        if blank:
            key = f"{sign}PI-42{sign}"
            assert re.search(CLOUD_KEY_PATTERN, key)
            assert JobCreate(**{**GOOD, "jiraTicketKey": key}).jira_ticket_key == "PI-42"
