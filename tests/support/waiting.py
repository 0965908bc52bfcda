"""Waiting for something to become true, with a deadline instead of a guess."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 10.0, every: float = 0.05) -> T:
    """What ``look`` returns once it is truthy; AssertionError after ``within`` seconds.

    An AssertionError raised by ``look`` counts as not yet, and is shown if the time runs out.
    """
    deadline = time.monotonic() + within
    while True:
        last: object = None
        try:
            if found := look():
                return found
            last = found
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; last look: {last!r}")
        time.sleep(every)
