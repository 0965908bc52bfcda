"""Text of other people, as terminals and pages show it."""

import json
import logging

import pytest
import structlog

from shared.logs import get_logger, setup_logs
from shared.printable import in_reading_order, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Gehäuse 158041-001-01 / 零件", "Gehäuse 158041-001-01 / 零件"),
        ("\x1b]0;owned\x07\x1b[2J", "\\u001b]0;owned\\u0007\\u001b[2J"),
        ("\x9b31m", "\\u009b31m"),
        ("one\r\nERROR two\tthree", "one\\u000d\\u000aERROR two\\u0009three"),
        ("ok\u2028ERROR", "ok\\u2028ERROR"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("PI\u200b-42\ufeff", "PI\\u200b-42\\ufeff"),
        ("\ud83d", "\\ud83d"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("👷 crew", "👷 crew"),
    ],
)
def test_a_terminal_gets_what_is_not_seen_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_json_document_keeps_its_values() -> None:
    document = {"name": "a\x9b\u202e\U000e0041\x7f"}

    text = printable(json.dumps(document, ensure_ascii=False))

    assert "\x9b" not in text
    assert json.loads(text) == document


def test_a_page_gets_only_reordering_marks_as_escapes() -> None:
    assert in_reading_order("gpj.\u202eexe \u2066x\u2069") == "gpj.\\u202eexe \\u2066x\\u2069"
    assert in_reading_order("\u05d0\u200f\u200c") == "\u05d0\u200f\u200c"


def test_a_log_line_for_people_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        setup_logs(fmt="console")
        get_logger("test").warning("refused", name="a\x1b[2J\nERROR\x9b")
        get_logger("test").error("failed", exc_info=ValueError("b\x1b[2J"))
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()

    written = capfd.readouterr().err
    assert "a\\u001b[2J\\u000aERROR\\u009b" in written
    assert "ValueError: b\\u001b[2J" in written
    assert "\x1b" not in written
    assert "\nValueError" in written
