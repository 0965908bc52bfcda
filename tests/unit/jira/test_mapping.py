"""Field mapping by id or by name."""

from typing import Any, NoReturn

import pytest

from shared.settings import Settings
from worker.jira.errors import MappingError
from worker.jira.fields.entries import Entry, EntryError, entries_of
from worker.jira.fields.mapping import SYSTEM_FIELDS, FieldInfo, MappedField, resolve


def info(number: int, name: str, *, project: str | None = None) -> FieldInfo:
    return FieldInfo(
        field_id=f"customfield_{number}", name=name, custom=True, kind="textfield", project=project
    )


FIELDS = [
    FieldInfo(field_id="summary", name="Summary", custom=False, kind="string"),
    FieldInfo(field_id="duedate", name="Due date", custom=False, kind="date"),
    info(10014, "Epic Link"),
    info(10908, "Part Number / Rev"),
    info(10909, "Quantity"),
    info(10923, "Part Number"),
    info(10924, "Part Number", project="10001"),
    info(10925, "Part Number", project="10002"),
    info(10926, "Drawing, Rev"),
    info(10927, "Drawing"),
    info(10928, "Rev"),
    info(10929, "Rev"),
    info(10930, "Menge"),
    info(10931, "MENGE"),
]


def settings(**values: Any) -> Settings:
    return Settings(**values)


def never() -> NoReturn:
    raise AssertionError("an id must work without asking Jira")


def test_ids_work_without_asking_jira() -> None:
    mapping = resolve(
        settings(
            jira_field_part_number="customfield_1",
            jira_field_quantity=" customfield_2 ",
            jira_field_epic_link="customfield_3",
        ),
        known=never,
    )
    assert mapping.field_ids() == (
        *SYSTEM_FIELDS,
        "customfield_1",
        "customfield_2",
        "customfield_3",
    )


def test_nothing_mapped_asks_for_the_system_fields_alone() -> None:
    assert resolve(settings(), known=never).field_ids() == SYSTEM_FIELDS


@pytest.mark.parametrize(
    ("name", "field_id"),
    [
        ("Quantity", "customfield_10909"),
        ("quantity", "customfield_10909"),
        ("Part Number / Rev", "customfield_10908"),
        ("duedate", "duedate"),
        ("Menge", "customfield_10930"),
    ],
)
def test_a_name_is_resolved_and_exact_spelling_wins(name: str, field_id: str) -> None:
    mapping = resolve(settings(jira_field_quantity=name), known=lambda: FIELDS)
    assert [one.field_id for one in mapping.quantity] == [field_id]


def test_an_ambiguous_name_is_refused_with_the_candidates() -> None:
    with pytest.raises(MappingError) as refused:
        resolve(settings(jira_field_part_number="Rev"), known=lambda: FIELDS)
    message = refused.value.message
    assert "JIRA_FIELD_PART_NUMBER" in message
    assert "Rev (customfield_10928), Rev (customfield_10929)" in message
    assert "Quantity" not in message
    twice = [info(1, "Part", project="1"), info(2, "Part", project="1"), info(3, "Part")]
    with pytest.raises(MappingError, match=r"Part \(customfield_1, project 1\)"):
        resolve(settings(jira_field_part_number="Part"), known=lambda: twice)


def test_the_same_name_in_team_managed_projects_is_the_field_of_each() -> None:
    mapping = resolve(settings(jira_field_part_number="Part Number"), known=lambda: FIELDS)
    assert [(one.field_id, one.scope) for one in mapping.part_number] == [
        ("customfield_10924", "10001"),
        ("customfield_10925", "10002"),
        ("customfield_10923", None),
    ]
    assert "project" in mapping.field_ids()


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        (" , ,", []),
        ("customfield_1", [("customfield_1", None)]),
        ("customfield_1, customfield_2,", [("customfield_1", None), ("customfield_2", None)]),
        ("PI=customfield_1, tl = Part No", [("customfield_1", "PI"), ("Part No", "TL")]),
        ('"Drawing, Rev", B7-2="a=""b"""', [("Drawing, Rev", None), ('a="b"', "B7-2")]),
        ('Length 3/4"', [('Length 3/4"', None)]),
        ("A, A", [("A", None)]),
    ],
)
def test_a_setting_lists_fields_for_all_projects_or_for_one(
    text: str, entries: list[tuple[str, str | None]]
) -> None:
    assert entries_of(text) == tuple(Entry(*entry) for entry in entries)


@pytest.mark.parametrize("text", ["PI=", 'PI="Part', '"Part" Number', "PI=,customfield_1"])
def test_a_list_that_cannot_be_read_names_its_setting(text: str) -> None:
    with pytest.raises(EntryError):
        entries_of(text)
    with pytest.raises(MappingError, match="JIRA_FIELD_QUANTITY"):
        resolve(settings(jira_field_quantity=text), known=lambda: FIELDS)


def test_a_name_with_a_comma_needs_no_quotes_where_it_stands_alone() -> None:
    mapping = resolve(settings(jira_field_part_number="Drawing, Rev"), known=lambda: FIELDS)
    assert mapping.part_number == (MappedField("customfield_10926", markup=False),)


@pytest.mark.parametrize(
    "field",
    [
        MappedField("customfield_1"),
        MappedField("customfield_1", "B7-2", "10001", markup=True),
        MappedField("duedate", None, "10001", markup=False),
    ],
)
def test_a_stored_field_is_the_same_when_it_is_read_again(field: MappedField) -> None:
    assert MappedField.from_stored(field.stored()) == field


def test_a_missing_name_is_refused_with_those_that_come_near() -> None:
    with pytest.raises(MappingError) as refused:
        resolve(settings(jira_field_quantity="Quantty"), known=lambda: FIELDS)
    assert "Quantity (customfield_10909)" in refused.value.message
    assert "Epic Link" not in refused.value.message


def test_a_name_like_no_other_lists_what_there_is() -> None:
    with pytest.raises(MappingError) as refused:
        resolve(settings(jira_field_quantity="zzz"), known=lambda: FIELDS)
    assert "Part Number / Rev (customfield_10908)" in refused.value.message
    with pytest.raises(MappingError, match="Candidates: none"):
        resolve(settings(jira_field_quantity="zzz"), known=list)


def test_the_pattern_for_part_numbers_is_taken_from_the_settings() -> None:
    mapping = resolve(settings(jira_part_number_pattern=r"\w+-\d+"), known=never)
    assert mapping.part_number_pattern is not None
    assert mapping.part_number_pattern.find("Build ALU-7075 now") == "ALU-7075"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "id": "customfield_10909",
                "name": "Quantity",
                "custom": True,
                "schema": {"type": "number", "custom": "com.atlassian.x:float"},
            },
            FieldInfo(field_id="customfield_10909", name="Quantity", custom=True, kind="float"),
        ),
        (
            {
                "id": "customfield_1",
                "name": "Part",
                "custom": True,
                "scope": {"type": "PROJECT", "project": {"id": "10001"}},
            },
            FieldInfo(field_id="customfield_1", name="Part", custom=True, kind="", project="10001"),
        ),
        (
            {"schema": "odd", "scope": "odd"},
            FieldInfo(field_id="", name="", custom=False, kind=""),
        ),
    ],
)
def test_a_field_of_any_shape_is_read(raw: dict[str, Any], expected: FieldInfo) -> None:
    assert FieldInfo.from_raw(raw) == expected
