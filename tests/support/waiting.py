"""Waiting until a condition is true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, within: float = 10.0, every: float = 0.05) -> T:
    """Call ``check`` until its result is true; AssertionError after ``within`` seconds.

    An AssertionError raised by ``check`` means "not yet"; it is shown when the time is over.
    """
    deadline = time.monotonic() + within
    while True:
        last: object = None
        try:
            if found := check():
                return found
            last = found
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; last result: {last!r}")
        time.sleep(every)
