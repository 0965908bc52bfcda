"""Which secrets are too weak to start with: short ones, repeated characters, known words."""

import hashlib
import zlib
from typing import Final

SIMULATORS_WEBHOOK_SECRET: Final = "simulator-secret"  # noqa: S105  published: only for development
_MAKE_ONE: Final = "make one with `openssl rand -hex 32`"
_PLACEHOLDERS: Final = (
    *("changeme", "changethis", "changeit", "replaceme", "replacethis", "placeholder"),
    *("yoursecret", "yourkey", "yourtoken", "mysecret", "insecure", "example", "supersecret"),
    *("secretkey", "simulatorsecret"),
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


def strong(secret: str, *, characters: int, content: int) -> str:
    """The secret itself. Raises ValueError, which says how to make a better one.

    ``characters`` is the least length. ``content`` is the least number of bytes that it has when
    compressed, which repetition makes few; random texts of this length have more.
    """
    if len(secret) < characters:
        raise ValueError(f"must have at least {characters} characters: {_MAKE_ONE}")
    plain = "".join(character for character in secret.lower() if character.isalnum())
    if any(word in plain for word in _PLACEHOLDERS):
        raise ValueError(f"is a placeholder that others know: {_MAKE_ONE}")
    if _compressed(secret) < content:
        raise ValueError(f"repeats itself, so that it can be guessed: {_MAKE_ONE}")
    return secret


def _compressed(secret: str) -> int:
    overhead = len(zlib.compress(b"", 9))
    return len(zlib.compress(secret.encode("utf-8", "surrogateescape"), 9)) - overhead


def unknown_hash(digest: str) -> str:
    """A SHA-256 in hex. Raises ValueError if it is that of an empty text or of a known word."""
    if digest in _KNOWN_HASHES:
        raise ValueError(
            "is the hash of an empty text or of a known word: make a token with "
            "`openssl rand -hex 32`, and its hash with `printf %s TOKEN | sha256sum`"
        )
    return digest
