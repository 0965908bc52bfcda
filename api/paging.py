"""Pages of lists: opaque cursors over a sort key, and the ``Link`` to the next page (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, request

from api.answers import json_answer, streamed_array

T = TypeVar("T")

PAGE = 500
"""Rows of one internal page of a list that is streamed."""


def encode_cursor(key: str) -> str:
    """A sort key as a cursor."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The sort key of a cursor. Raises ValueError where it is none of ours."""
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return key.decode("ascii")
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a cursor") from error


def listed(
    fetch: Callable[[int, str | None], Sequence[T]],
    *,
    limit: int | None,
    after: str | None,
    show: Callable[[T], Any],
    key: Callable[[T], str],
) -> Response:
    """A list as an answer: one page with its ``Link``, or all rows in a stream without ``limit``.

    ``fetch(count, after)`` reads up to so many rows beyond a sort key in a short transaction of
    its own; ``key`` is a row's sort key.
    """
    if limit is None:
        return streamed_array(_all(fetch, after, show, key))
    rows = fetch(limit + 1, after)
    answer = json_answer([show(row) for row in rows[:limit]])
    if len(rows) > limit:
        answer.headers["Link"] = _next(key(rows[limit - 1]))
    return answer


def _all(
    fetch: Callable[[int, str | None], Sequence[T]],
    after: str | None,
    show: Callable[[T], Any],
    key: Callable[[T], str],
) -> Iterator[list[Any]]:
    while True:
        rows = fetch(PAGE, after)
        yield [show(row) for row in rows]
        if len(rows) < PAGE:
            return
        after = key(rows[-1])


def _next(after: str) -> str:
    parameters = {**request.args.to_dict(), "cursor": encode_cursor(after)}
    return f'<{request.path}?{urlencode(parameters)}>; rel="next"'
