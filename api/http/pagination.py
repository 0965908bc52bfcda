"""Pages of lists: opaque cursors over a sort key, and the ``Link`` to the next page (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, request

from api.http.refusals import RateLimitedError
from api.http.responses import json_answer, streamed_array
from api.runtime import current_runtime

T = TypeVar("T")

PAGE = 500
"""Rows of one internal page of a list that is streamed."""
PATIENCE_SECONDS = 2.0
"""How long a list waits for a seat among those that are streamed."""


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
        return _whole(_all(fetch, after, show, key))
    rows = fetch(limit + 1, after)
    answer = json_answer([show(row) for row in rows[:limit]])
    if len(rows) > limit:
        answer.headers["Link"] = _next(key(rows[limit - 1]))
    return answer


def _whole(pages: Iterator[list[Any]]) -> Response:
    """All rows: at once where they are few, else streamed by one of the threads that may.

    A client that reads slowly holds its thread as long as it likes: were all of them held, nobody
    would be served. Raises RateLimitedError where no seat gets free in time.
    """
    first = next(pages)
    if len(first) < PAGE:
        return json_answer(first)
    seats = current_runtime().streams
    if not seats.acquire(timeout=PATIENCE_SECONDS):
        raise RateLimitedError("Too many whole lists are being read: ask with limit", retry_after=5)
    answer = streamed_array(chain([first], pages))
    answer.call_on_close(seats.release)
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
