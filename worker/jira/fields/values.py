"""Jira's field values of every kind as plain text."""

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from worker.jira.fields import adf, wiki
from worker.jira.fields.text import clean

_DEEPEST = 3
_SHOWN = 80
# The first of these that an object has is its text: an option has `value`, a user `displayName`,
# a version or a priority `name`, an object of Assets `label`.
_TEXT_MEMBERS = ("value", "displayName", "name", "label")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*-[0-9]+")
_ABSENT: tuple[object, ...] = (None, "", [], {})


class UnreadableError(ValueError):
    """The value has a form that holds no text we know; the message describes it for people."""


def text_of(value: object, *, markup: bool = False) -> str:
    """One value as text (JIRA.md, section 7); empty if it is absent.

    ``markup``: a string is wiki markup. Raises UnreadableError; a list that holds one value that
    cannot be read cannot be read.
    """
    if isinstance(value, str):
        return wiki.plain(value) if markup else value.strip()
    return _text(value, depth=0)


def render(value: object) -> str | None:
    """The same for the database; None if the value is absent or cannot be read."""
    try:
        return clean(text_of(value))
    except UnreadableError:
        return None


def excerpt(value: object) -> str:
    """The beginning of any value, as Jira sent it, for a message."""
    if not isinstance(value, str):
        try:
            value = orjson.dumps(value).decode()
        except (TypeError, ValueError, RecursionError):
            value = str(type(value).__name__)
    text = clean(" ".join(str(value).split())) or ""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _text(value: object, *, depth: int) -> str:
    if value in _ABSENT:
        return ""
    if depth > _DEEPEST:
        raise UnreadableError("a value nested too deep")
    match value:
        case str():
            return value.strip()
        case int() | float() if not isinstance(value, bool):
            return _number(value)
        case Mapping():
            return _object(value, depth=depth)
        case list() | tuple():
            return _list(value, depth=depth)
    raise UnreadableError(f"neither text nor number: {excerpt(value)}")


def _number(value: float) -> str:
    """``4`` for 4.0, and never an exponent."""
    if not math.isfinite(value):
        raise UnreadableError(f"no number: {value}")
    exact = Decimal(str(value))
    return str(int(value)) if exact == exact.to_integral_value() else format(exact, "f")


def _list(values: Iterable[object], *, depth: int) -> str:
    return ", ".join(text for text in (_text(item, depth=depth + 1) for item in values) if text)


def _object(value: Mapping[str, Any], *, depth: int) -> str:
    if adf.is_adf(value):
        return adf.text_of(value)
    own = _own_text(value, depth=depth)
    child = value.get("child")
    below = _object(child, depth=depth + 1) if isinstance(child, Mapping) else ""
    return f"{own} / {below}" if own and below else own or below


def _own_text(value: Mapping[str, Any], *, depth: int) -> str:
    members = [name for name in _TEXT_MEMBERS if name in value]
    text = next((text for name in members if (text := _text(value[name], depth=depth + 1))), "")
    if text:
        return text
    key = value.get("key")
    if isinstance(key, str) and _KEY.fullmatch(key.strip()):
        return key.strip()
    if members:
        return ""
    names = ", ".join(sorted(map(str, value))[:_DEEPEST])
    raise UnreadableError(f"an object with {names} and no text")
