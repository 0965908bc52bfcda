"""One issue of Jira's JSON as a Ticket."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.settings.patterns import Pattern
from worker.jira.errors import UnusableTicket
from worker.jira.fields.mapping import FieldMapping, MappedField
from worker.jira.fields.readings import undecided
from worker.jira.fields.tickets import ticket_from_issue
from worker.jira.json_text import parse_json

MAPPING = FieldMapping(
    part_number=(MappedField("customfield_1", markup=False),),
    quantity=(MappedField("customfield_2", markup=False),),
    epic_link=(MappedField("customfield_3", markup=False),),
)
BY_PATTERN = FieldMapping(part_number_pattern=Pattern(r"\[([A-Z0-9-]+)\]"))


def issue(**fields: Any) -> dict[str, Any]:
    return {
        "id": "10042",
        "key": "PI-42",
        "self": "https://shop.atlassian.net/rest/api/2/issue/10042",
        "fields": {"updated": "2015-11-18T14:39:00.123+1100"} | fields,
    }


def parent(key: str, **kind: Any) -> dict[str, Any]:
    return {"id": "10010", "key": key, "fields": {"summary": "x", "issuetype": kind}}


def test_the_example_of_the_source_document_comes_out_whole() -> None:
    ticket = ticket_from_issue(
        issue(
            summary="Build 50 aluminum housings",
            priority={"name": "High", "id": "2"},
            labels=["Q1-2024", "rush"],
            status={"name": "Done", "statusCategory": {"id": 3, "key": "done"}},
            parent=parent("PI-10", name="Epic", hierarchyLevel=1),
            customfield_1="ALU-HOUSING-7075",
            customfield_2=50.0,
        ),
        MAPPING,
    )
    assert ticket.issue_id == "10042"
    assert ticket.key == "PI-42"
    assert ticket.updated_at == datetime(2015, 11, 18, 3, 39, 0, 123000, tzinfo=UTC)
    assert ticket.summary == "Build 50 aluminum housings"
    assert ticket.part_number == "ALU-HOUSING-7075"
    assert ticket.priority == "High"
    assert ticket.epic_link == "PI-10"
    assert ticket.labels == ("Q1-2024", "rush")
    assert ticket.quantity == 50
    assert ticket.status == "Done"
    assert ticket.done is True


def test_a_bare_issue_has_nothing_but_its_identity() -> None:
    ticket = ticket_from_issue(issue(), MAPPING)
    assert (ticket.summary, ticket.part_number, ticket.priority, ticket.epic_link) == (None,) * 4
    assert ticket.labels == ()
    assert (ticket.quantity, ticket.quantity_unread, ticket.status, ticket.done) == (
        None,
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("fields", "epic"),
    [
        ({"parent": parent("PI-10", name="Epic", hierarchyLevel=1)}, "PI-10"),
        ({"parent": parent("PI-10", name="Initiative", hierarchyLevel=1)}, "PI-10"),
        ({"parent": parent("PI-10", name="Epic")}, "PI-10"),
        ({"parent": parent("PI-10", name="epic ")}, "PI-10"),
        ({"parent": parent("PI-11", name="Story", hierarchyLevel=0)}, None),
        ({"parent": parent("PI-11", name="Epic", hierarchyLevel=0)}, None),
        ({"parent": parent("PI-11", name="Story")}, None),
        ({"parent": {"key": "PI-11"}}, None),
        ({"parent": "PI-11"}, None),
        ({"customfield_3": "PI-12"}, "PI-12"),
        ({"customfield_3": {"id": 1, "key": "PI-12"}}, "PI-12"),
        (
            {"parent": parent("PI-11", name="Story", hierarchyLevel=0), "customfield_3": "PI-12"},
            "PI-12",
        ),
        (
            {"parent": parent("PI-10", name="Epic", hierarchyLevel=1), "customfield_3": "PI-12"},
            "PI-10",
        ),
    ],
)
def test_the_epic_is_the_parent_where_that_is_one_else_the_epic_link(
    fields: dict[str, Any], epic: str | None
) -> None:
    assert ticket_from_issue(issue(**fields), MAPPING).epic_link == epic


@pytest.mark.parametrize(
    ("pattern", "summary", "part"),
    [
        (r"\[([A-Z0-9-]+)\]", "Build 50 [ALU-7075] now", "ALU-7075"),
        (r"[A-Z]{3}-\d+", "Build 50 ALU-7075 now", "ALU-7075"),
        (r"\[([A-Z0-9-]+)\]", "Build 50 housings", None),
        (r"(A)?B", "B", None),
        (r"()", "B", None),
        (r"\[([A-Z0-9-]+)\]", None, None),
    ],
)
def test_without_a_field_the_part_number_is_sought_in_the_summary(
    pattern: str, summary: str | None, part: str | None
) -> None:
    mapping = FieldMapping(part_number_pattern=Pattern(pattern))
    assert ticket_from_issue(issue(summary=summary), mapping).part_number == part


def test_a_mapped_field_that_is_empty_is_not_guessed_from_the_summary() -> None:
    mapping = FieldMapping(
        part_number=MAPPING.part_number, part_number_pattern=BY_PATTERN.part_number_pattern
    )
    ticket = ticket_from_issue(issue(summary="x [ALU-1]", customfield_1=None), mapping)
    assert ticket.part_number is None


def test_a_quantity_that_is_no_whole_number_is_absent_and_noted() -> None:
    ticket = ticket_from_issue(issue(customfield_2=4.5), MAPPING)
    assert ticket.quantity is None
    assert ticket.quantity_unread == "4.5"
    assert list(ticket.problems()) == ["quantity unknown: Jira says '4.5'."]


def test_a_single_line_and_the_summary_keep_their_signs_and_a_text_area_loses_its_marks() -> None:
    fields = {"summary": "*rush* {{x}} _A_ [a|b]", "customfield_1": "_A_", "customfield_2": "*50*"}
    ticket = ticket_from_issue(issue(**fields), MAPPING)
    assert (ticket.summary, ticket.part_number) == ("*rush* {{x}} _A_ [a|b]", "_A_")
    assert (ticket.quantity, ticket.quantity_unread) == (None, "*50*")
    rich = FieldMapping(
        part_number=(MappedField("customfield_1", markup=True),),
        quantity=(MappedField("customfield_2", markup=True),),
    )
    ticket = ticket_from_issue(issue(**fields), rich)
    assert (ticket.part_number, ticket.quantity) == ("A", 50)


def test_a_text_that_may_be_markup_is_not_taken_before_the_kind_of_its_field_is_known() -> None:
    unknown = FieldMapping(
        part_number=(MappedField("customfield_1"),), quantity=(MappedField("customfield_2"),)
    )
    fields = {"customfield_1": "{*}A{*}", "customfield_2": "*5*"}
    assert undecided(fields, unknown) == {"customfield_1", "customfield_2"}
    ticket = ticket_from_issue(issue(**fields), unknown)
    assert (ticket.part_number, ticket.quantity, ticket.quantity_unread) == (None, None, "*5*")
    assert "customfield_1 cannot be read: it may be wiki markup" in ticket.notes[0].message
    certain = {"customfield_1": "158041-001", "customfield_2": 5.0}
    assert not undecided(certain, unknown)
    assert ticket_from_issue(issue(**certain), unknown).part_number == "158041-001"


@pytest.mark.parametrize(
    ("key", "fields", "part_number"),
    [
        ("PI-1", {"a": "A", "b": "B"}, "A"),
        ("PI-1", {"a": " ", "b": "B"}, "B"),
        ("PI-1", {"a": None, "b": "B", "c": "C"}, "B"),
        ("PI-1", {"a": [{"objectId": "1"}], "b": "B"}, None),
        ("TL-1", {"a": "A", "d": "D"}, "D"),
        ("TL-1", {"a": "A", "d": None}, None),
        ("TM-1", {"a": "A", "e": "E", "project": {"id": "10009", "key": "TM"}}, "E"),
        ("PI-1", {"e": "E", "b": "B", "project": {"id": "10000", "key": "PI"}}, "B"),
        ("PI-1", {"a": "A", "d": "D", "project": {"id": "1", "key": "TL"}}, "D"),
    ],
)
def test_the_first_field_that_applies_and_holds_a_value_counts(
    key: str, fields: dict[str, Any], part_number: str | None
) -> None:
    mapping = FieldMapping(
        part_number=(
            MappedField("e", scope="10009"),
            MappedField("a"),
            MappedField("b"),
            MappedField("d", project="TL"),
        )
    )
    raw = issue(**fields) | {"key": key}
    assert ticket_from_issue(raw, mapping).part_number == part_number


def test_a_value_that_cannot_be_read_leaves_its_field_empty_and_says_so() -> None:
    odd = {"objectId": "1"}
    ticket = ticket_from_issue(
        issue(
            summary={"x": 1},
            priority={"id": "3"},
            labels=["rush", 7],
            customfield_1=[odd],
            customfield_2=[odd],
            customfield_3={"accountId": "1"},
        ),
        MAPPING,
    )
    assert ticket.labels == ()
    assert {note.field for note in ticket.notes} == {
        "jira_ticket_summary",
        "jira_part_number",
        "jira_priority",
        "jira_epic_link",
        "jira_labels",
    }
    by_field = {note.field: note.message for note in ticket.notes}
    assert "customfield_1 cannot be read: an object with objectId" in by_field["jira_part_number"]
    assert ticket.quantity_unread == '[{"objectId":"1"}]'


def test_labels_keep_their_order_and_lose_their_repeats() -> None:
    ticket = ticket_from_issue(issue(labels=["rush", "Q1-2024", "rush", " ", "a\x00"]), MAPPING)
    assert ticket.labels == ("rush", "Q1-2024", "a")
    assert ticket_from_issue(issue(labels="rush"), MAPPING).notes[0].field == "jira_labels"


def test_a_lone_surrogate_spoils_only_its_own_field() -> None:
    body = b'\xef\xbb\xbf{"id":"1","key":"PI-1","fields":{"updated":"2024-01-01T00:00:00Z",'
    body += b'"summary":"\\ud83d x","customfield_1":"A\xff","customfield_2":NaN}}'
    ticket = ticket_from_issue(parse_json(body), MAPPING)
    assert (ticket.summary, ticket.part_number) == ("\ufffd x", "A\ufffd")
    assert ticket.quantity is None


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"a":1,}', b"\xff"])
def test_a_body_that_is_no_json_is_refused_whatever_its_size(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"9" * 5000, float("inf")),
        (b"1e999", float("inf")),
        (b"12345678901234567890123", 1.2345678901234568e22),
    ],
)
def test_odd_json_is_read_where_its_meaning_is_certain(body: bytes, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({"id": "1", "key": "PI-1"}, "no fields"),
        (issue() | {"fields": ["x"]}, "no fields"),
        (issue() | {"id": None}, "no numeric id"),
        (issue() | {"id": "abc"}, "no numeric id"),
        (issue() | {"id": True}, "no numeric id"),
        (issue() | {"key": None}, "no key"),
        (issue() | {"key": "not a key"}, "its key 'not a key' is no"),
        (issue(updated=None), "`updated`"),
        (issue(updated="yesterday"), "`updated`"),
        (issue(updated="2015-11-18T14:39:00.000"), "`updated`"),
        (issue(updated="0001-01-01T00:00:00.000+1400"), "`updated`"),
        (issue(updated=1447817940000), "`updated`"),
    ],
)
def test_what_is_no_issue_is_refused_with_what_is_wrong(raw: object, detail: str) -> None:
    with pytest.raises(UnusableTicket) as refused:
        ticket_from_issue(raw, MAPPING)
    assert detail in refused.value.detail


@pytest.mark.parametrize(
    "written",
    [
        "2015-11-18T14:39:00.000+1100",
        "2015-11-18T14:39:00+11:00",
        "2015-11-18T03:39:00.000Z",
        "2015-11-18T03:39:00.000+0000",
    ],
)
def test_updated_is_read_in_every_form_of_offset(written: str) -> None:
    ticket = ticket_from_issue(issue(updated=written), MAPPING)
    assert ticket.updated_at == datetime(2015, 11, 18, 3, 39, tzinfo=UTC)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = ["summary", "priority", "labels", "parent", "status", "customfield_1", "customfield_2"]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*NAMES, "customfield_3"]), VALUES))
def test_odd_field_values_never_cost_the_ticket(fields: dict[str, Any]) -> None:
    assert ticket_from_issue(issue(**fields), MAPPING).key == "PI-42"
