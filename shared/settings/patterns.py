"""Regular expressions from the settings, matched by RE2: in time that is linear in the text."""

from functools import lru_cache
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class Pattern:
    """A regular expression of an administrator, for texts that anybody may send.

    RE2 has no backtracking, so no pattern and no text can hold up a process; it has no
    lookarounds and no back references either. Raises ValueError, for people, for a pattern that
    it does not take.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled: Any = re2.compile(text, _OPTIONS)
        except re2.error as error:
            raise ValueError(f"is not a regular expression of RE2: {_words(error)}") from None
        except UnicodeEncodeError:
            raise ValueError("holds a character that is no text") from None

    def fits(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._match(self._compiled.fullmatch, text) is not None

    def find(self, text: str) -> str | None:
        """The first match, or its first group if the pattern has one; None without a match."""
        match = self._match(self._compiled.search, text)
        if match is None:
            return None
        found: str | None = match.group(1) if self._compiled.groups else match.group()
        return found

    @staticmethod
    def _match(match: Any, text: str) -> Any:
        try:
            return match(text)
        except UnicodeEncodeError:  # a lone surrogate
            return None


compiled = lru_cache(maxsize=32)(Pattern)
"""The pattern, compiled once a process."""


def _words(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    words = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    if "invalid perl operator: (?" in words:
        words += " (lookarounds and other extensions of Perl are not supported)"
    return words
