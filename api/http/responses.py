"""Answers: JSON made from their models, streamed lists, entity tags."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Response, request
from pydantic_core import to_json

from shared.errors import StaleError

JSON = "application/json"


def json_answer(
    content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """One JSON document as an answer."""
    return Response(dump(content), status=status, headers=headers, mimetype=JSON)


def dump(content: Any) -> bytes:
    """JSON text of an answer, or of a list or an object of answers; absent values are left out."""
    return to_json(content, by_alias=True, exclude_none=True)


def no_content() -> Response:
    """204, without a content type."""
    answer = Response(status=204)
    del answer.headers["Content-Type"]
    return answer


def streamed_array(pages: Iterable[list[Any]]) -> Response:
    """One JSON array, sent page by page; memory holds one page.

    The first page is read before the answer begins, so that an error there still becomes an error
    answer. A later error cuts the array off, which makes it invalid JSON.
    """
    source = iter(pages)
    first = next(source, [])
    return Response(_array(first, source), mimetype=JSON)


def _array(first: list[Any], rest: Iterator[list[Any]]) -> Iterator[bytes]:
    yield b"[" + dump(first)[1:-1]
    begun = bool(first)
    for page in rest:
        if page:
            yield (b"," if begun else b"") + dump(page)[1:-1]
            begun = True
    yield b"]"


def entity_tag(version: int) -> str:
    """The strong entity tag of a version (spec/API.md, ``ETag``)."""
    return f'"{version}"'


def check_if_match(version: int) -> None:
    """Compare the request's ``If-Match`` with a version (RFC 9110, 13.1.1: strong comparison).

    Raises StaleError if they differ. Call it in the transaction, with the row locked.
    """
    if "If-Match" not in request.headers:
        return
    if not request.if_match.contains(entity_tag(version).strip('"')):
        raise StaleError("If-Match does not hold: the resource has changed since it was read")
