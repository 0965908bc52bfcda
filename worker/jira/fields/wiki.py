r"""Jira's wiki markup to plain text, for fields whose schema says that they hold it.

REST v2 returns a text area as a string with wiki markup, as Jira's editor writes it. The rules
are those of Jira's own renderer: a mark inside a word counts only in the braced form that the
editor writes (``158041-{*}001{*}-02``); without braces it must enclose whole words. Single
dashes, and pluses, carets and tildes that do not enclose a whole line, stay: a part number must
not lose a sign to a guess (docs/adr/0013).
"""

import re
from collections.abc import Callable

import orjson

from worker.jira.fields import adf

LONGEST_READ = 16_384
"""Characters that are read; a value that is stored has at most 255."""
_ROUNDS = 6
"""Marks of this many kinds may be nested: there are seven, and no editor nests all of them."""

_ESCAPABLE = r"*_-+^~?{}[]()!|\#@:;.&"
# U+FDD0 and the following are noncharacters, reserved for use inside a program.
_HELD = {sign: chr(0xFDD0 + place) for place, sign in enumerate(_ESCAPABLE)}
_RELEASED = str.maketrans({held: sign for sign, held in _HELD.items()})
_NONE_HELD = str.maketrans(dict.fromkeys(_HELD.values()))

_VERBATIM = re.compile(
    r"\{(?P<macro>noformat|code|adf)(?::[^{}\n]*)?\}(?P<body>.*?)\{(?P=macro)\}", re.DOTALL
)
_ESCAPE = re.compile(r"\\\\[ \t]*\n?|\\([" + re.escape(_ESCAPABLE) + "])")
_SIGN = r"(?:\{(?P<sign>[*_+\-^~]|\?\?)\})"
_Rule = tuple[re.Pattern[str], str]


def _enclosing(sign: str) -> re.Pattern[str]:
    """A sign that encloses whole words; one of its two ends may have the braces."""
    one, not_it = re.escape(sign), re.escape(sign[0])
    left = rf"(?:(?<![\w{not_it}]){one}(?!\}})|\{{{one}\}})(?=[^\s{not_it}])"
    right = rf"(?<=[^\s{not_it}])(?:(?<!\{{){one}(?![\w{not_it}])|\{{{one}\}})"
    return re.compile(rf"{left}([^{not_it}\n]*){right}")


# One after the other; the target of a link is known by its form, so that `[A|B]` stays.
_RULES: tuple[_Rule, ...] = (
    (re.compile(r"&nbsp;"), " "),
    (
        re.compile(
            r"\{(?:color|panel|quote|anchor|section|column|expand|info|note|tip|warning|status"
            r"|noformat|code|toc)(?::[^{}\n]*)?\}"
        ),
        "",
    ),
    (re.compile(r"\{\{(?:\{\})?((?:[^{}\n]|\{[^{}\n]{1,2}\})+?)(?:\{\})?\}\}"), r"\1"),
    (re.compile(r"\[~(?:accountid:)?([^\[\]|\n]+)\]"), r"@\1"),
    (re.compile(r"\[\^([^\[\]|\n]+)\]"), r"\1"),
    (re.compile(r"\[([^\[\]|\n]+)\|(?:[a-z][a-z0-9+.-]{1,20}:|[/#^~])[^\[\]\n]*\]"), r"\1"),
    (re.compile(r"\[((?:https?|mailto|ftp|file):[^\[\]|\n]*)\]"), r"\1"),
    (re.compile(r"(?<!\w)!(?=[^\s!|])[^!|\n]*\.\w{2,5}(?:\|[^!\n]*)?!(?!\w)"), ""),
    (re.compile(r"^[ \t]*h[1-6]\. +", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*bq\. +", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*-{4,5}[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\*+ +", re.MULTILINE), "- "),
)
_BRACED = re.compile(_SIGN + r"((?:(?!\n[ \t]*\n).)*?)\{(?P=sign)\}", re.DOTALL)
_PLAIN: tuple[re.Pattern[str], ...] = tuple(_enclosing(sign) for sign in ("*", "_", "??"))
_WHOLE_LINE = re.compile(r"^([ \t]*)([+^~])(?=[^\s+^~])([^\n]*?[^\s+^~])\2([ \t]*)$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*(\|{1,2})(.*?)\|{1,2}[ \t]*$", re.MULTILINE)
_ONE_ITEM = re.compile(r"[*-] +([^\n]+)")


def plain(text: str) -> str:
    """The text as a reader of the ticket sees it, without marks; list items begin with ``- ``."""
    text = text[:LONGEST_READ].translate(_NONE_HELD).replace("\r\n", "\n")
    parts, end = [], 0
    for block in _VERBATIM.finditer(text):
        parts += [_marked(text[end : block.start()]), _verbatim(block)]
        end = block.end()
    parts.append(_marked(text[end:]))
    whole = "".join(parts).translate(_RELEASED).strip()
    only = _ONE_ITEM.fullmatch(whole)
    return only.group(1) if only else whole


def is_marked(text: str) -> bool:
    """Whether the text would read differently as wiki markup."""
    return plain(text) != text.strip()


def _verbatim(block: re.Match[str]) -> str:
    """The content of a block: text as it stands, or a document that wiki markup cannot hold."""
    body = block["body"].strip("\n")
    if block["macro"] != "adf":
        return body
    try:
        return f"{adf.text_of(orjson.loads(body))}\n"
    except (orjson.JSONDecodeError, AttributeError):
        return body


def _marked(text: str) -> str:
    text = _ESCAPE.sub(lambda found: _HELD[found[1]] if found[1] else "\n", text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _ROW.sub(_cells, text)
    return _until_stable(text, _without_signs)


def _cells(row: re.Match[str]) -> str:
    cells = (cell.strip() for cell in re.split(r"\|{1,2}", row[2]))
    return " | ".join(cells)


def _without_signs(text: str) -> str:
    text = _BRACED.sub(lambda found: found[2], text)
    for pattern in _PLAIN:
        text = pattern.sub(r"\1", text)
    return _WHOLE_LINE.sub(r"\1\3\4", text)


def _until_stable(text: str, change: Callable[[str], str]) -> str:
    """Apply until nothing changes, because signs are nested."""
    for _ in range(_ROUNDS):
        before, text = text, change(text)
        if text == before:
            break
    return text
