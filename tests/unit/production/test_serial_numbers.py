"""Serial numbers outside and inside: SN-00001 and its number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import NotFoundError
from shared.production.queries import number_of, serial_id


@pytest.mark.parametrize(
    ("number", "identifier"),
    [(1, "SN-00001"), (99_999, "SN-99999"), (100_000, "SN-100000"), (1_234_567, "SN-1234567")],
)
def test_identifiers_have_five_digits_and_grow_past_99999(number: int, identifier: str) -> None:
    assert serial_id(number) == identifier
    assert number_of(identifier) == number


@given(st.integers(1, 10**18 - 1))
def test_an_identifier_leads_back_to_its_number(number: int) -> None:
    assert number_of(serial_id(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "SN-", "SN-1", "SN-0001", "sn-00001", " SN-00001", "SN-00001 ", "SN-000001"),
        *(
            "SN-0100000",
            "SN--0001",
            "SN-+0001",
            "SN-1_000",
            "SN-\u0660\u0660\u0660\u0660\u0661",
            "SN-00001\n",
        ),
        "SN-" + "9" * 19,
        "SN-" + "9" * 5000,
    ],
)
def test_every_other_form_names_no_unit(text: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        number_of(text)
    assert refused.value.message == f"SerialNumber not found: {text}"
