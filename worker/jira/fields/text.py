"""Text that is fit for the database, and identifiers without characters that nobody sees."""

import re
import unicodedata
from functools import lru_cache

LONGEST = 255
"""Characters a text may have (spec/API.md, common rules)."""

_SURROGATES = re.compile("[\ud800-\udfff]")
# Letters and marks by their category, but shown as nothing: fillers, joiners and selectors.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DROPPED_CATEGORIES = {"Cf", "Cc"}


def clean(text: str) -> str | None:
    """Text for the database: without NUL and lone surrogates, trimmed and cut; None if empty."""
    valid = _SURROGATES.sub("\ufffd", text.replace("\x00", ""))
    return valid.strip()[:LONGEST].rstrip() or None


def identifier(text: str) -> str | None:
    """A part number, a key or a quantity: ``clean``, without invisible characters.

    Zero-width characters, soft hyphens, marks of direction and selectors of variants are dropped;
    every kind of space is an ordinary one. A summary keeps them: in some scripts, and in emoji,
    they carry meaning.
    """
    if text.isascii() and text.isprintable():
        return clean(text)
    return clean("".join(map(_visible, text)))


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category.startswith("Z"):
        return character if character in "\n\t " else "\n" if character in "\r\u2028\u2029" else " "
    dropped = character in _BLANK or category in _DROPPED_CATEGORIES
    return "" if dropped or _SELECTORS.match(character) else character
