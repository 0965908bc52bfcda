"""Jira's field values of every kind as plain text."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from worker.jira.fields import adf, wiki

LONGEST = 255
"""Characters a text may have (spec/API.md, common rules)."""

LARGEST_QUANTITY = 2_147_483_647

_SURROGATES = re.compile("[\ud800-\udfff]")
_WHOLE = re.compile(r"\+?([0-9]{1,400})(?:\.0*)?")
_DEEPEST = 3
# The first of these that an object has is its text: an option has `value`, a user `displayName`,
# a version or a priority `name`, a linked issue only `key`.
_TEXT_MEMBERS = ("value", "displayName", "name", "key")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A whole number from 1 to 2147483647, or else a note that says why there is none."""

    value: int | None = None
    note: str | None = None


def clean(text: str) -> str | None:
    """Text for the database: without NUL and lone surrogates, trimmed and cut; None if empty."""
    valid = _SURROGATES.sub("\ufffd", text.replace("\x00", ""))
    return valid.strip()[:LONGEST].rstrip() or None


def render(value: object) -> str | None:
    """One value as text (JIRA.md, section 7); None if it is absent, empty or unknown."""
    text = _render(value, depth=0)
    return clean(text) if text else None


def render_rich(value: object) -> str | None:
    """As ``render``, for a custom field that can hold wiki markup."""
    return render(wiki.plain(value) if isinstance(value, str) else value)


def labels_of(value: object) -> tuple[str, ...]:
    """Labels in Jira's order, cleaned, without repeats."""
    if not isinstance(value, list):
        return ()
    texts = (clean(label) for label in value if isinstance(label, str))
    return tuple(dict.fromkeys(text for text in texts if text))


def quantity_of(value: object) -> Quantity:
    """The quantity of a number, text or option field; a text must hold only the number."""
    text = render_rich(value)
    if text is None:
        return Quantity()
    match = _WHOLE.fullmatch(text)
    if match is None:
        return Quantity(note=f"quantity in Jira is no whole number above zero: {text[:80]}")
    number = int(match.group(1))
    if number == 0:
        return Quantity(note="quantity in Jira is 0")
    if number > LARGEST_QUANTITY:
        return Quantity(note=f"quantity in Jira is above {LARGEST_QUANTITY}: {text[:80]}")
    return Quantity(value=number)


def _render(value: object, *, depth: int) -> str:
    if depth > _DEEPEST:
        return ""
    match value:
        case str():
            text = value.strip()
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = _number(value)
        case Mapping():
            text = _object(value, depth=depth)
        case list() | tuple():
            text = _list(value, depth=depth)
        case _:
            text = ""
    return text


def _number(value: float) -> str:
    """``4`` for 4.0, and never an exponent."""
    if not math.isfinite(value):
        return ""
    exact = Decimal(str(value))
    return str(int(value)) if exact == exact.to_integral_value() else format(exact, "f")


def _list(values: Iterable[object], *, depth: int) -> str:
    return ", ".join(text for text in (_render(item, depth=depth + 1) for item in values) if text)


def _object(value: Mapping[str, Any], *, depth: int) -> str:
    if adf.is_adf(value):
        return adf.text_of(value)
    texts = (_render(value.get(name), depth=depth + 1) for name in _TEXT_MEMBERS)
    own = next((text for text in texts if text), "")
    child = value.get("child")
    below = _object(child, depth=depth + 1) if isinstance(child, Mapping) else ""
    return f"{own} / {below}" if own and below else own or below
