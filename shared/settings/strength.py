"""Which secrets are too weak to start with: short ones, repeated characters, known words."""

import hashlib
import re
from typing import Final

SIMULATORS_WEBHOOK_SECRET: Final = "simulator-secret"  # noqa: S105  published: only for development
_MAKE_ONE: Final = "make one with `openssl rand -hex 32`"
_PLACEHOLDERS: Final = (
    *("changeme", "changethis", "changeit", "replaceme", "replacethis", "placeholder"),
    *("yoursecret", "yourkey", "yourtoken", "insecure", "simulatorsecret"),
)
_WORDS: Final = (
    *("", "secret", "password", "token", "test", "admin", "default", "webhook", "jira", "none"),
    *("routecard", "null", "undefined", "123456", "12345678", "change-me", "change_me", "changeme"),
    *("changeit", "letmein", "your-token", "your_token", "my-token", "example", "placeholder"),
    *("webhook-secret", "webhook-token", "jira-token", "token-value"),
    *("simulator-secret", "simulator-token", "simulator-pat"),
)
_KNOWN_HASHES: Final = frozenset(
    hashlib.sha256((word + end).encode()).hexdigest() for word in _WORDS for end in ("", "\n")
)
"""A line feed is what `echo` adds."""


_REPEATED: Final = re.compile(r"(.{1,11}?)\1+", re.DOTALL)
"""A short piece, written again and again."""
_FEWEST_CHARACTERS: Final = 6
"""Different ones; a random text of 16 digits in hex has fewer once in thousands."""


def strong(secret: str, *, characters: int) -> str:
    """The secret itself. Raises ValueError, which says how to make a better one.

    ``characters`` is the least length.
    """
    if len(secret) < characters:
        raise ValueError(f"must have at least {characters} characters: {_MAKE_ONE}")
    plain = "".join(character for character in secret.lower() if character.isalnum())
    if any(word in plain for word in _PLACEHOLDERS):
        raise ValueError(f"is a placeholder that others know: {_MAKE_ONE}")
    if len(set(secret)) < _FEWEST_CHARACTERS or _REPEATED.fullmatch(secret):
        raise ValueError(f"repeats itself, so that it can be guessed: {_MAKE_ONE}")
    return secret


def unknown_hash(digest: str) -> str:
    """A SHA-256 in hex. Raises ValueError if it is that of an empty text or of a known word."""
    if digest in _KNOWN_HASHES:
        raise ValueError(
            "is the hash of an empty text or of a known word: make a token with "
            "`openssl rand -hex 32`, and its hash with `printf %s TOKEN | sha256sum`"
        )
    return digest
