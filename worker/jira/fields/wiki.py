"""Jira's wiki markup to plain text, where it is markup beyond doubt.

REST v2 gives a rich text field as a string that looks like any other, and nothing in an issue
says which it is. A part number such as ``158041-001-01`` must never lose a dash to a guess, so
only forms that no part number has are taken off; single dashes, pluses and carets stay.
"""

import re

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\{(?:color|panel|quote|noformat|code)(?:[:][^{}\n]*)?\}"), ""),
    (re.compile(r"\{\{([^{}\n]+)\}\}"), r"\1"),
    (re.compile(r"\[([^\[\]|\n]+)\|(?:https?|mailto|ftp|file)[^\[\]\n]*\]"), r"\1"),
    (re.compile(r"\[((?:https?|mailto|ftp|file):[^\[\]|\n]*)\]"), r"\1"),
    (re.compile(r"^h[1-6]\. +", re.MULTILINE), ""),
    (re.compile(r"^bq\. +", re.MULTILINE), ""),
    (re.compile(r"^\*+ +", re.MULTILINE), "- "),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]*[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"\\\\ *\n?"), "\n"),
)


def plain(text: str) -> str:
    """The text without headings, colours, bold, italics, code, and with links by their words."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
