"""Field values of every kind in JIRA.md, section 7, as a planner would write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.jira.fields.values import LONGEST, clean, labels_of, quantity_of, render, render_rich

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
    for text in (render(value), render_rich(value)):
        assert text is None or 0 < len(text) <= LONGEST
    quantity = quantity_of(value)
    assert quantity.value is None or quantity.value > 0
    assert all(labels_of(value))


def test_labels_keep_their_order_and_lose_their_repeats() -> None:
    assert labels_of(["rush", "Q1-2024", "rush", " ", 7, "a\x00"]) == ("rush", "Q1-2024", "a")
    assert labels_of(None) == ()
    assert labels_of("rush") == ()


@pytest.mark.parametrize(
    "value", [50, 50.0, "50", " 50 ", "50.0", "+50", {"value": "50"}, "*50*"], ids=repr
)
def test_a_whole_quantity_is_taken_from_number_text_or_option(value: object) -> None:
    assert quantity_of(value).value == 50
    assert quantity_of(value).note is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "is 0"),
        (-4, "no whole number"),
        (4.5, "no whole number"),
        ("about 50", "no whole number"),
        ("1,000", "no whole number"),
        ("\u0665\u0660", "no whole number"),
        (2_147_483_648, "above 2147483647"),
        (1e300, "above 2147483647"),
        ("9" * 255, "above 2147483647"),
    ],
    ids=repr,
)
def test_a_quantity_that_cannot_be_used_says_why(value: object, words: str) -> None:
    quantity = quantity_of(value)
    assert quantity.value is None
    assert words in (quantity.note or "")


def test_the_largest_quantity_is_still_one_and_none_at_all_has_no_note() -> None:
    assert quantity_of(2_147_483_647).value == 2_147_483_647
    assert quantity_of(None) == quantity_of("")
    assert quantity_of(None).note is None
