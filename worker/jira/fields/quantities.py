"""Quantities: a whole number that is certain, or what Jira says instead."""

import re
from dataclasses import dataclass
from functools import lru_cache

from worker.jira.fields.text import identifier
from worker.jira.fields.values import UnreadableError, excerpt, text_of

LARGEST_QUANTITY = 2_147_483_647
PLAIN = "plain"
"""JIRA_QUANTITY_FORMAT: digits alone; with one or two zeros as decimals, as in 5.0 and 5.00."""

# "1.000" is one in one country and a thousand in the other: three decimals are never certain.
_PLAIN = re.compile(r"\+?([0-9]{1,400})(?:\.0{1,2})?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A whole number from 1 to 2147483647, or what Jira says that is none; or neither."""

    value: int | None = None
    unread: str | None = None


def quantity_of(value: object, *, number_format: str = PLAIN, markup: bool = False) -> Quantity:
    """The quantity of a number, text or option field; a text must hold only the number.

    ``number_format`` is JIRA_QUANTITY_FORMAT, the way people write numbers in text fields.
    """
    try:
        text = identifier(text_of(value, markup=markup))
    except UnreadableError:
        return Quantity(unread=excerpt(value))
    if text is None:
        return Quantity()
    is_number = isinstance(value, int | float)
    digits = _digits(text, PLAIN if is_number else number_format)
    number = int(digits) if digits else 0
    if not 0 < number <= LARGEST_QUANTITY:
        return Quantity(unread=excerpt(text))
    return Quantity(value=number)


def _digits(text: str, number_format: str) -> str:
    """The digits of a whole number in this format; empty if it is none."""
    match = _pattern(number_format).fullmatch(text.replace("\u2019", "'"))
    return re.sub("[^0-9]", "", match.group(1)) if match else ""


@lru_cache(maxsize=8)
def _pattern(number_format: str) -> re.Pattern[str]:
    """From a sample such as ``1.234,5``: what separates thousands, and what decimals."""
    if number_format == PLAIN:
        return _PLAIN
    group, decimal = number_format[1:-5], re.escape(number_format[-2])
    grouped = rf"[0-9]{{1,3}}(?:{re.escape(group)}[0-9]{{3}})+|" if group else ""
    return re.compile(rf"\+?({grouped}[0-9]{{1,400}})(?:{decimal}0+)?")
