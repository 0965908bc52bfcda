"""Jira's wiki markup to plain text, where it is certain to be markup.

REST v2 returns a rich text field as a string like any other, and an issue does not say which it
is. A part number such as ``158041-001-01`` must not lose a dash to a guess, so only forms that no
part number has are removed; single dashes, pluses and carets stay.
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
    """The text without marks of headings, colours, bold, italics and code; links by their text."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
