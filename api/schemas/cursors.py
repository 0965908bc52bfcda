"""Opaque cursors: where the next page of a list begins."""

import base64
import binascii


def encode_cursor(key: str) -> str:
    """A sort key as a cursor."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The sort key of a cursor: ASCII without NUL. Raises ValueError if it is not a cursor."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = raw.decode("ascii")
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a cursor") from error
    if "\0" in key:
        raise ValueError("not a cursor")
    return key
