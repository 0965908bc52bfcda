"""Reads request bodies: up to a limit, as strict JSON, or refused with the reason."""

import json
import math
from contextlib import suppress
from typing import Any, NoReturn

from flask import g, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from api.http.refusals import BodyTooLargeError, MalformedBodyError, UnsupportedMediaError
from shared.errors import FieldProblem, InvalidInputError

BODY_BYTES = 1024 * 1024
"""Largest body (spec/API.md, "413 / 415")."""
BULK_BODY_BYTES = 8 * BODY_BYTES
"""Largest body of a bulk create."""
MAX_DEPTH = 32
"""Deepest nesting of arrays and objects; valid bodies nest five levels at most."""
MAX_DIGITS = 400
"""Longest number, in characters: longer than any double, and cheap to parse."""
DISCARDED_BYTES = 4 * BULK_BODY_BYTES
"""How much of a too large body is read and discarded, so that its sender gets the answer."""
_CHUNK = 64 * 1024
_SHOWN = 40


def json_object(*, limit: int = BODY_BYTES, entries: str | None = None) -> dict[str, Any]:
    """The request's body, a JSON object of at most ``limit`` bytes.

    The texts in its member ``entries``, if given, are not checked: call ``check_texts`` for them.
    Raises UnsupportedMediaError, BodyTooLargeError, MalformedBodyError or InvalidInputError.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaError("Content-Type must be application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaError("Content-Encoding is not supported: send the body as it is")
    content = parse_object(_read(limit), entries=entries)
    g.body = content
    return content


def current() -> dict[str, Any]:
    """The body that ``json_object`` read in this request."""
    content: dict[str, Any] = g.body
    return content


def _read(limit: int) -> bytes:
    """The raw body. It reads up to one byte beyond the limit, as the length may be unknown."""
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    request.max_content_length = limit + 1
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _too_large(limit) from None
    except (ClientDisconnected, OSError):
        raise _cut_short() from None
    if len(raw) > limit:
        raise _too_large(limit)
    if length is not None and len(raw) < length:
        raise _cut_short()
    return raw


def _too_large(limit: int) -> BodyTooLargeError:
    """The refusal, after the rest of the body is read and discarded, up to a limit.

    A client that is still sending when we answer sees a broken connection instead of the answer.
    A client that asks before it sends (``Expect``) gets the answer at once.
    """
    left = min(request.content_length or DISCARDED_BYTES, DISCARDED_BYTES)
    source = request.environ["wsgi.input"]
    with suppress(OSError):
        while "Expect" not in request.headers and left > 0:
            chunk = source.read(min(left, _CHUNK))
            left -= len(chunk) or left
    return BodyTooLargeError(limit)


def _cut_short() -> MalformedBodyError:
    return MalformedBodyError("Request body ended before it was complete")


def parse_object(raw: bytes, *, entries: str | None = None) -> dict[str, Any]:
    """Strict JSON: an object, no repeated keys, finite numbers, texts that PostgreSQL can store."""
    content = _parse(raw)
    if not isinstance(content, dict):
        raise InvalidInputError("Request body must be a JSON object")
    if b"\\u" in raw or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        check_texts({name: value for name, value in content.items() if name != entries})
        _check_depth(content.get(entries or ""))
    return content


def check_texts(content: Any) -> None:
    """Refuse NUL characters and lone surrogates at any depth, keys included."""
    problems = tuple(_bad_texts(content, "", 1))
    if problems:
        raise InvalidInputError(problems[0].message, problems)


def _check_depth(content: Any, depth: int = 2) -> None:
    if isinstance(content, dict | list):
        if depth > MAX_DEPTH:
            _too_deep()
        for value in content.values() if isinstance(content, dict) else content:
            _check_depth(value, depth + 1)


def _parse(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedBodyError("Request body is not valid UTF-8") from None
    if not text.strip():
        raise MalformedBodyError("Request body is empty")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedBodyError(
            f"Request body is not valid JSON: {error.msg} at line {error.lineno} "
            f"column {error.colno}"
        ) from None
    except RecursionError:
        _too_deep()


def _too_deep() -> NoReturn:
    raise MalformedBodyError(f"Request body is nested more than {MAX_DEPTH} levels deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # the idiom that adds to a set
        raise MalformedBodyError(f'Request body repeats the key "{_short(repeated)}"')
    return content


def _constant(word: str) -> NoReturn:
    raise MalformedBodyError(f"Request body is not valid JSON: {word} is not a JSON number")


def _integer(digits: str) -> int:
    _bounded(digits)
    return int(digits)


def _float(digits: str) -> float:
    _bounded(digits)
    number = float(digits)
    if math.isinf(number):
        raise MalformedBodyError(f"Request body has a number out of range: {_short(digits)}")
    return number


def _bounded(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        raise MalformedBodyError(f"Request body has a number of more than {MAX_DIGITS} digits")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer, parse_float=_float
)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _bad_texts(content: Any, place: str, depth: int) -> list[FieldProblem]:
    """The problems of all texts at any depth, keys included, in the order of the body."""
    if isinstance(content, str):
        return _bad_text(content, place)
    if not isinstance(content, dict | list):
        return []
    if depth > MAX_DEPTH:
        _too_deep()
    found: list[FieldProblem] = []
    for name, value in content.items() if isinstance(content, dict) else enumerate(content):
        inner = f"{place}[{name}]" if isinstance(name, int) else f"{place}.{name}".lstrip(".")
        if isinstance(name, str):
            found += _bad_text(name, "a key" if not place else f"a key in {place}")
        found += _bad_texts(value, inner, depth + 1)
    return found


def _bad_text(text: str, place: str) -> list[FieldProblem]:
    if "\0" in text:
        return [FieldProblem(place, f"{place} must not contain NUL characters")]
    try:
        text.encode()
    except UnicodeEncodeError:
        return [FieldProblem(place, f"{place} must not contain lone surrogates")]
    return []
