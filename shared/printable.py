"""Text of other people as it may be shown: without characters that steer a terminal or a line."""

import re

# Control characters of ASCII and Latin-1, line separators, marks that reorder text, characters
# that are not seen, and lone surrogates, which cannot be written at all.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """``text`` on one line, for a terminal: characters that are not seen become ``\\u001b``.

    The form is JSON's, so a JSON document stays valid and keeps its values.
    """
    return _UNSEEN.sub(_escaped, text)


def in_reading_order(text: str) -> str:
    """``text`` for a page, where only characters that reorder what follows are made visible."""
    return _REORDERING.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
