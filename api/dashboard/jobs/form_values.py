"""Numbers in forms as a client of the REST API would send them."""

import re

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


def number_of(typed: str) -> int | float | str:
    """The number, or the text where it is none, for the API's check and its message."""
    if not _NUMBER.fullmatch(typed):
        return typed
    return float(typed) if "." in typed else int(typed)
