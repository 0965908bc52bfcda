"""JSON as Jira and the systems before it really send it: read wherever its meaning is certain."""

import json
from typing import Any

import orjson

_LONGEST_NUMBER = 400
"""Digits of a whole number that are read; a longer one counts as infinite."""


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises ValueError where there is none, or it is nested too deep.

    Beyond the standard it accepts a byte order mark, lone surrogates (``"\\ud83d"``, left in the
    value), ``NaN`` and numbers of any size; bytes that are no UTF-8 become U+FFFD. Of two equal
    names in one object the last one counts.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _parse_leniently(body, error)


def _parse_leniently(body: bytes, error: orjson.JSONDecodeError) -> Any:
    text = body.decode("utf-8", errors="replace").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_int=_whole)
    except ValueError:
        # The words of the strict parser say where the text stops being JSON.
        raise ValueError(error.msg) from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")
