"""Field values of every kind in JIRA.md, section 7, as a planner would write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.jira.fields.quantities import quantity_of
from worker.jira.fields.text import LONGEST, clean, identifier
from worker.jira.fields.values import UnreadableError, render, text_of

SELF = "https://shop.atlassian.net/rest/api/2/x/1"
USER = {"self": SELF, "accountId": "712020:ab", "displayName": "Ada Lovelace", "active": True}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("158041-001-01", "158041-001-01", id="textfield"),
        pytest.param("  158041 \n", "158041", id="textfield with white space"),
        pytest.param("https://plm.example/d/7075", "https://plm.example/d/7075", id="url"),
        pytest.param(4.0, "4", id="float that is whole"),
        pytest.param(4, "4", id="integer"),
        pytest.param(4.25, "4.25", id="float with a fraction"),
        pytest.param(0.1, "0.1", id="float without a finite binary form"),
        pytest.param(1e21, "1" + "0" * 21, id="large float without an exponent"),
        pytest.param(2.5e-7, "0.00000025", id="small float without an exponent"),
        pytest.param(-3.0, "-3", id="negative"),
        pytest.param({"self": SELF, "value": "7075-T6", "id": "1"}, "7075-T6", id="select"),
        pytest.param(
            [{"self": SELF, "value": "Anodise", "id": "1"}, {"value": "Mask", "id": "2"}],
            "Anodise, Mask",
            id="multiselect",
        ),
        pytest.param(
            {"self": SELF, "value": "Hall 2", "id": "1", "child": {"value": "DMU 50", "id": "3"}},
            "Hall 2 / DMU 50",
            id="cascadingselect",
        ),
        pytest.param({"value": "Hall 2", "id": "1"}, "Hall 2", id="cascadingselect without child"),
        pytest.param(USER, "Ada Lovelace", id="userpicker on Cloud"),
        pytest.param(
            {"name": "ada", "key": "JIRAUSER1", "displayName": "Ada L."}, "Ada L.", id="user on DC"
        ),
        pytest.param(["a", "b"], "a, b", id="labels"),
        pytest.param({"self": SELF, "id": "1", "name": "Rev C"}, "Rev C", id="version"),
        pytest.param([{"name": "Rev C"}, {"name": "Rev D"}], "Rev C, Rev D", id="multiversion"),
        pytest.param("2019-05-11", "2019-05-11", id="datepicker"),
        pytest.param("2015-11-18T14:39:00.000+1100", "2015-11-18T14:39:00.000+1100", id="datetime"),
        pytest.param("PI-10", "PI-10", id="gh-epic-link"),
        pytest.param({"id": "1", "key": "PI-10", "self": SELF}, "PI-10", id="issue"),
        pytest.param({"name": "High", "id": "2", "iconUrl": SELF}, "High", id="priority"),
    ],
)
def test_a_value_reads_as_a_planner_would_write_it(value: object, text: str) -> None:
    assert render(value) == text


@pytest.mark.parametrize(
    "value",
    [None, "", "  ", [], {}, [None, ""], {"id": "1"}, float("nan"), float("inf"), "\x00", object()],
    ids=lambda value: type(value).__name__,
)
def test_an_unset_empty_or_unknown_value_is_absent(value: object) -> None:
    assert render(value) is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([{"workspaceId": "w", "id": "w:1", "objectId": "1"}], id="Assets, ids alone"),
        pytest.param([{"value": "A"}, {"objectId": "1"}], id="a list that is readable in part"),
        pytest.param({"accountId": "712020:ab"}, id="a user without a name"),
        pytest.param({"progress": 0, "total": 0}, id="progress"),
        pytest.param({"key": "JIRAUSER10100"}, id="a key that is no issue's"),
        pytest.param(True, id="boolean"),
        pytest.param({"value": False}, id="boolean option"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param([[[[["a"]]]]], id="nested"),
    ],
)
def test_a_value_that_cannot_be_read_is_not_taken_for_an_absent_one(value: object) -> None:
    with pytest.raises(UnreadableError):
        text_of(value)


def test_an_object_of_assets_reads_as_its_label() -> None:
    assert render([{"objectId": "1", "label": "ALU-7075", "objectKey": "PN-1"}]) == "ALU-7075"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("158041\u200b-001\ufeff", "158041-001"),
        ("\u2060ALU\u00ad-70\u200d75\ufe0f", "ALU-7075"),
        ("\u202eALU\u2069\u200e", "ALU"),
        ("\u00a0ALU\u202f7075\u2007", "ALU 7075"),
        ("\u3164\u2800A\U000e0101", "A"),
        ("Ø12-ß", "Ø12-ß"),
        ("\u200b", None),
    ],
)
def test_an_identifier_has_no_characters_that_nobody_sees(text: str, shown: str | None) -> None:
    assert identifier(text) == shown


def test_text_is_fit_for_the_database() -> None:
    assert clean("  a\x00b\ud800c\udfff ") == "ab\ufffdc\ufffd"
    assert clean("x" * 300) == "x" * LONGEST
    assert clean("x" * 254 + " y") == "x" * 254


@settings(deadline=None)
@given(st.text(alphabet=st.characters(), max_size=400))
def test_no_text_keeps_anything_postgresql_refuses(text: str) -> None:
    cleaned = clean(text)
    if cleaned is not None:
        cleaned.encode("utf-8")
        assert 0 < len(cleaned) <= LONGEST
        assert "\x00" not in cleaned
        assert cleaned == cleaned.strip()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON)
def test_whatever_json_a_field_holds_something_sane_comes_out(value: object) -> None:
    text = render(value)
    assert text is None or 0 < len(text) <= LONGEST
    for markup in (True, False):
        quantity = quantity_of(value, markup=markup)
        assert quantity.value is None or quantity.value > 0
        assert quantity.value is None or quantity.unread is None


@pytest.mark.parametrize(
    "value", [50, 50.0, "50", " 50 ", "50.0", "50.00", "+50", {"value": "50"}, "\u200b50"], ids=repr
)
def test_a_whole_quantity_is_taken_from_number_text_or_option(value: object) -> None:
    assert quantity_of(value).value == 50
    assert quantity_of(value).unread is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0, "0"),
        (-4, "-4"),
        (4.5, "4.5"),
        ("1,000", "1,000"),
        ("1.000", "1.000"),
        ("1 000", "1 000"),
        ("12 pcs", "12 pcs"),
        ("ca. 5", "ca. 5"),
        ("5-6", "5-6"),
        ("1e3", "1e3"),
        ("*50*", "*50*"),
        ("\u0665\u0660", "\u0665\u0660"),
        ("\uff15", "\uff15"),
        (2_147_483_648, "2147483648"),
        (True, "true"),
        (float("inf"), "null"),
        ([5, 6], "5, 6"),
        ([{"objectId": "1"}], '[{"objectId":"1"}]'),
        ("9" * 255, "9" * 80 + "…"),
    ],
    ids=repr,
)
def test_a_quantity_that_is_not_certain_is_none_and_keeps_what_jira_says(
    value: object, says: str
) -> None:
    quantity = quantity_of(value)
    assert (quantity.value, quantity.unread) == (None, says)


@pytest.mark.parametrize(
    ("number_format", "text", "number"),
    [
        ("1,234.5", "1,000", 1000),
        ("1,234.5", "1,234,567", 1_234_567),
        ("1,234.5", "1000", 1000),
        ("1,234.5", "1,000.00", 1000),
        ("1,234.5", "1.000", 1),
        ("1,234.5", "1,00", None),
        ("1,234.5", "1,0000", None),
        ("1,234.5", "1,000.5", None),
        ("1,234.5", ",000", None),
        ("1.234,5", "1.000", 1000),
        ("1.234,5", "1.000,0", 1000),
        ("1.234,5", "1,000", 1),
        ("1.234,5", "1.5", None),
        ("1 234,5", "1\u202f000", 1000),
        ("1 234,5", "1.000", None),
        ("1'234.5", "1\u2019000", 1000),
        ("1234,5", "1000,0", 1000),
        ("1234,5", "1.000", None),
        ("1,234.5", "12 pcs", None),
    ],
)
def test_a_configured_format_reads_what_fits_it_exactly(
    number_format: str, text: str, number: int | None
) -> None:
    quantity = quantity_of(text, number_format=number_format)
    assert quantity.value == number
    assert (quantity.unread is None) == (number is not None)


def test_a_number_of_jira_needs_no_format() -> None:
    assert quantity_of(1000.0, number_format="1.234,5").value == 1000
    assert quantity_of(4.5, number_format="1.234,5").unread == "4.5"


def test_the_largest_quantity_is_still_one_and_none_at_all_is_not_unread() -> None:
    assert quantity_of(2_147_483_647).value == 2_147_483_647
    assert quantity_of(None) == quantity_of("")
    assert quantity_of(None).unread is None
