"""Strict JSON bodies, and the messages of their refusals."""

import sys

import pytest

from api.http import json_body
from api.http.refusals import MalformedBodyError
from shared.errors import AppError, InvalidInputError

DEEP = json_body.MAX_DEPTH
TRAILING_COMMA = (
    "Illegal trailing comma before end of object at line 1 column 8"
    if sys.version_info >= (3, 13)
    else "Expecting property name enclosed in double quotes at line 1 column 9"
)
"""In the words of Python's own parser."""

MALFORMED = {
    "nothing": (b"", "Request body is empty"),
    "only white space": (b" \n\t", "Request body is empty"),
    "no JSON": (
        b"name=JOB-1",
        "Request body is not valid JSON: Expecting value at line 1 column 1",
    ),
    "cut short": (
        b'{"name": "JOB',
        "Request body is not valid JSON: Unterminated string starting at at line 1 column 10",
    ),
    "something after the end": (
        b'{"a": 1} {',
        "Request body is not valid JSON: Extra data at line 1 column 10",
    ),
    "a trailing comma": (
        b'{"a": 1,}',
        f"Request body is not valid JSON: {TRAILING_COMMA}",
    ),
    "a raw control character": (
        b'{"a": "\x01"}',
        "Request body is not valid JSON: Invalid control character at at line 1 column 8",
    ),
    "not UTF-8": (b'{"a": "\xff"}', "Request body is not valid UTF-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "Request body is not valid UTF-8"),
    "NaN": (b'{"a": NaN}', "Request body is not valid JSON: NaN is not a JSON number"),
    "Infinity": (
        b'{"a": [Infinity]}',
        "Request body is not valid JSON: Infinity is not a JSON number",
    ),
    "-Infinity": (
        b'{"a": -Infinity}',
        "Request body is not valid JSON: -Infinity is not a JSON number",
    ),
    "a number out of range": (
        b'{"a": 1e999}',
        "Request body has a number out of range: 1e999",
    ),
    "a bomb of digits": (
        b'{"a": ' + b"9" * 5000 + b"}",
        "Request body has a number of more than 400 digits",
    ),
    "a bomb of decimals": (
        b'{"a": 0.' + b"9" * 5000 + b"}",
        "Request body has a number of more than 400 digits",
    ),
    "repeated keys": (b'{"a": 1, "b": 2, "a": 1}', 'Request body repeats the key "a"'),
    "repeated keys inside": (b'{"x": [{"a": 1, "a": 2}]}', 'Request body repeats the key "a"'),
    "repeated keys, one escaped": (b'{"a": 1, "\\u0061": 2}', 'Request body repeats the key "a"'),
    "too deep": (
        b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        "Request body is nested more than 32 levels deep",
    ),
    "far too deep": (b"[" * 200_000, "Request body is nested more than 32 levels deep"),
}


@pytest.mark.parametrize(("body", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_no_strict_json_is_refused_with_the_reason(
    body: bytes, message: str
) -> None:
    with pytest.raises(MalformedBodyError) as refusal:
        json_body.parse_object(body)
    assert refusal.value.message == message


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true", b"[{}]"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        json_body.parse_object(body)
    assert refusal.value.message == "Request body must be a JSON object"


UNSTORABLE = {
    "NUL": (b'{"name": "a\\u0000b"}', "name must not contain NUL characters"),
    "a lone high surrogate": (b'{"name": "\\ud800"}', "name must not contain lone surrogates"),
    "a lone low surrogate": (b'{"name": "x\\udfff"}', "name must not contain lone surrogates"),
    "NUL in a list": (
        b'{"jiraLabels": ["ok", "\\u0000"]}',
        "jiraLabels[1] must not contain NUL characters",
    ),
    "NUL far inside what we ignore": (
        b'{"x": [{"y": {"z": "\\u0000"}}]}',
        "x[0].y.z must not contain NUL characters",
    ),
    "NUL in a key": (b'{"\\u0000": 1}', "a key must not contain NUL characters"),
    "a surrogate in a key inside": (
        b'{"x": {"\\ud800": 1}}',
        "a key in x must not contain lone surrogates",
    ),
}


@pytest.mark.parametrize(("body", "message"), UNSTORABLE.values(), ids=UNSTORABLE)
def test_texts_that_no_database_holds_are_refused_at_any_depth(body: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        json_body.parse_object(body)
    assert refusal.value.message == message


def test_every_text_that_cannot_be_stored_is_named() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        json_body.parse_object(b'{"a": "\\u0000", "b": "\\ud800"}')
    assert [problem.field for problem in refusal.value.problems] == ["a", "b"]


def test_texts_in_the_entries_of_a_bulk_call_are_left_to_each_entry() -> None:
    body = b'{"jobs": [{"name": "\\u0000"}], "x": "ok"}'
    assert json_body.parse_object(body, entries="jobs")["jobs"] == [{"name": "\0"}]
    with pytest.raises(AppError):
        json_body.parse_object(body)


def test_the_entries_of_a_bulk_call_may_not_be_too_deep_either() -> None:
    body = b'{"jobs": [' + b"[" * DEEP + b"]" * DEEP + b"]}"
    with pytest.raises(MalformedBodyError):
        json_body.parse_object(body, entries="jobs")


ACCEPTED = {
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "escaped pairs of surrogates": (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    "raw astral characters": ('{"a": "\U0001f600"}'.encode(), {"a": "\U0001f600"}),
    "as deep as allowed": (
        b'{"a": ' + b"[" * (DEEP - 1) + b"]" * (DEEP - 1) + b"}",
        None,
    ),
    "many shallow brackets": (b'{"a": [' + b"[]," * 500 + b"[]]}", None),
    "whole floats": (b'{"a": 50.0, "b": 1e3}', {"a": 50.0, "b": 1000.0}),
}


@pytest.mark.parametrize(("body", "content"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_json_allows_is_read(body: bytes, content: object) -> None:
    found = json_body.parse_object(body)
    assert content is None or found == content
