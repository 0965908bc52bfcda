"""Values that parsers, PostgreSQL or encodings reject, for parameters of routes and pages.

All are percent-encoded for a query string, so that bytes that are not UTF-8 can be among them.
"""

import base64
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes


def _cursor(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


TEXTS: Final[dict[str, str]] = {
    "empty": "",
    "blank": "%20%09%0A",
    "nul": "a%00b",
    "only_nul": "%00",
    "not_utf8": quote_from_bytes(b"\xff\xfe"),
    "lone_surrogate": quote_from_bytes("\ud800".encode("utf-8", "surrogatepass")),
    "surrogate_pair_as_cesu8": quote_from_bytes("\ud83d\ude00".encode("utf-8", "surrogatepass")),
    "astral": quote("\U0001f600" * 300),
    "noncharacter": quote("\uffff\ufffe"),
    "control_characters": quote("\x01\x1f\x7f\x85"),
    "right_to_left": quote("\u202egnp\u202c"),
    "long": "a" * 10_000,
    "wildcards": quote("%_\\"),
    "quotes": quote("'\";--"),
    "markup": quote("<script>alert(1)</script>"),
    "braces": quote("{0} {x!r} %s %(x)s"),
    "line_breaks": quote("a\r\nX-Injected: 1"),
    "bracketed": quote("[] {} null"),
    "other_digits": quote("\u0661\u0662\u0663"),
    "superscript_digit": quote("\u00b2"),
}

NUMBERS: Final[dict[str, str]] = {
    "zero": "0",
    "minus_one": "-1",
    "beyond_int4": str(2**31),
    "beyond_int8": str(2**63),
    "many_digits": "9" * 5_000,
    "fraction": "1.5",
    "exponent": "1e400",
    "not_a_number": "nan",
    "infinite": "-inf",
    "underscored": "1_0",
    "leading_zeros": "0000000000000000000001",
    "signed": quote("+1"),
    "hexadecimal": "0x10",
}

MOMENTS: Final[dict[str, str]] = {
    "before_year_one_in_utc": quote("0001-01-01T00:00:00+14:00"),
    "after_year_9999_in_utc": quote("9999-12-31T23:59:59-14:00"),
    "first_day": "0001-01-01",
    "last_instant": "9999-12-31T23:59:59.999999Z",
    "year_zero": "0000-01-01T00:00:00Z",
    "year_10000": quote("+10000-01-01T00:00:00Z"),
    "leap_second": "2016-12-31T23:59:60Z",
    "end_of_day": "2024-01-15T24:00:00Z",
    "odd_offset": quote("2024-01-15T00:00:00+23:59:59.999999"),
    "impossible_offset": quote("2024-01-15T00:00:00+24:00"),
    "no_such_day": "2023-02-29",
    "week_date": "2024-W03-1",
    "date_with_nul": "2024-01-15%00",
}

CURSORS: Final[dict[str, str]] = {
    "not_base64": "!!!",
    "half_base64": "A",
    "padded": "YWJj====",
    "nul_inside": _cursor(b"a\0b"),
    "only_nul_inside": _cursor(b"\0"),
    "not_ascii_inside": _cursor(b"\xff\xfe\xfd"),
    "empty_inside": "====",
    "json_inside": _cursor(b'["a",null]'),
    "json_nul_inside": _cursor(b'["\\u0000","\\u0000"]'),
    "json_surrogate_inside": _cursor(b'["\\ud800","\\ud800"]'),
    "json_deep_inside": _cursor(b"[" * 5_000),
    "json_infinite_inside": _cursor(b"[Infinity,NaN,1e999]"),
    "ancient_moment_inside": _cursor(b"0001-01-01T00:00:00+14:00~sync_01h455vb4pex5vsknk084sn02q"),
    "last_moment_inside": _cursor(b"9999-12-31T23:59:59-14:00~sync_01h455vb4pex5vsknk084sn02q"),
    "many_digits_inside": _cursor(b"9" * 5_000),
    "beyond_int8_inside": _cursor(str(2**63).encode()),
    "identifier_inside": _cursor(b"job_01h455vb4pex5vsknk084sn02q"),
    "huge_number_inside": _cursor(b"SN-" + b"9" * 500),
}

QUERY_VALUES: Final[dict[str, str]] = {**TEXTS, **NUMBERS, **MOMENTS, **CURSORS}
"""Every value by a name that can serve as the id of a test."""

HEADER_VALUES: Final[dict[str, str]] = {
    "empty": "",
    "blank": "   ",
    "long": "a" * 10_000,
    "latin": "\xe9\xff",
    "utf8_as_latin": "\u20ac".encode().decode("latin-1"),
    "control_characters": "a\x01\x1f\x7f",
    "tab": "a\tb",
    "quotes": '"\'\\"',
    "unclosed_quote": '"abc',
    "commas": ",,, ,",
    "semicolons": ";;=;",
    "many_entries": "a," * 2_000,
    "many_digits": "wait=" + "9" * 5_000,
    "negative": "wait=-1",
    "weak_tag": 'W/"1"',
    "star": "*",
    "not_a_moment": "Thu, 99 Foo 0000 99:99:99 GMT",
    "ancient": "Mon, 01 Jan 0001 00:00:00 +1400",
}
"""Values of request headers, as WSGI servers hand them over (latin-1, without line breaks)."""

JSON_VALUES: Final[dict[str, Any]] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus_one": -1,
    "beyond_int8": 2**63,
    "many_digits": 10**300,
    "fraction": 1.5,
    "huge_fraction": 1.7e308,
    "empty": "",
    "blank": " \t\n\ufeff",
    "nul": "a\0b",
    "lone_surrogate": "a\ud800",
    "astral": "\U0001f600" * 255,
    "long": "a" * 10_000,
    "digits": "9" * 255,
    "empty_array": [],
    "array_of_null": [None],
    "array_of_anything": [0, "a", {}, [[]], True],
    "array_of_surrogates": ["\udfff"],
    "array_of_nuls": ["\0"],
    "long_array": ["a"] * 5_000,
    "empty_object": {},
    "object_with_nul": {"\0": "\0"},
    "before_year_one_in_utc": "0001-01-01T00:00:00+14:00",
    "after_year_9999_in_utc": "9999-12-31T23:59:59-14:00",
    "last_instant": "9999-12-31T23:59:59.999999Z",
}
"""Values of members of a JSON body."""


def repeated(name: str) -> str:
    """A query string that gives one parameter twice."""
    return f"{quote(name)}=1&{quote(name)}=2"
