"""Lists as answers: one page with the ``Link`` to the next one (RFC 8288), or all in a stream."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from threading import BoundedSemaphore
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, request
from sqlalchemy.orm import Session

from api.http.refusals import RateLimitedError
from api.http.responses import json_answer, streamed_array
from api.runtime import Runtime, current_runtime
from api.schemas.cursors import encode_cursor
from shared.database.engine import begin

T = TypeVar("T")
P = TypeVar("P")
"""A place in a list: a sort key."""

PAGE = 500
"""Rows that a stream reads at a time."""
WAIT_SECONDS = 2.0
"""How long a list waits until it may be streamed."""


def listed(
    read: Callable[[Session, int, P | None], Sequence[T]],
    *,
    limit: int | None,
    after: P | None,
    show: Callable[[T], Any],
    key: Callable[[T], P],
    cursor: Callable[[P], str] = str,
) -> Response:
    """A list as an answer: one page with its ``Link``, or all rows if there is no ``limit``.

    ``read(session, count, after)`` reads up to ``count`` rows behind a sort key, in a short
    transaction of its own; ``key`` gives a row's sort key, and ``cursor`` the key as a text.
    """
    engine = current_runtime().engine

    def fetch(count: int, after: P | None) -> Sequence[T]:
        with begin(engine) as session:
            return read(session, count, after)

    if limit is None:
        return _whole(_all(fetch, after, show, key))
    rows = fetch(limit + 1, after)
    answer = json_answer([show(row) for row in rows[:limit]])
    if len(rows) > limit:
        answer.headers["Link"] = _next(cursor(key(rows[limit - 1])))
    return answer


def _whole(pages: Iterator[list[Any]]) -> Response:
    """All rows: at once if they are few, else in a stream.

    A client that reads slowly keeps a thread busy, so the number of streams is limited. Raises
    RateLimitedError if the limit is reached for too long.
    """
    first = next(pages)
    if len(first) < PAGE:
        return json_answer(first)
    limit = current_runtime().singleton(_stream_limit)
    if not limit.acquire(timeout=WAIT_SECONDS):
        raise RateLimitedError("Too many whole lists are being read: ask with limit", retry_after=5)
    answer = streamed_array(chain([first], pages))
    answer.call_on_close(limit.release)
    return answer


def _stream_limit(runtime: Runtime) -> BoundedSemaphore:
    """Half of the request threads may stream, however slow their clients are."""
    return BoundedSemaphore(max(1, runtime.settings.api_threads // 2))


def _all(
    fetch: Callable[[int, P | None], Sequence[T]],
    after: P | None,
    show: Callable[[T], Any],
    key: Callable[[T], P],
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
