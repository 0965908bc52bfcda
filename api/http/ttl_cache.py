"""Answers of the database that may be a second old."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.clock import Clock

SECONDS = 1.0
"""How late a process may learn of a token made or revoked elsewhere."""
_MOST = 4096

T = TypeVar("T")


class TTLCache(Generic[T]):
    """What ``load`` returned for a key, for up to a second. A failed load is not remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, load: Callable[[], T]) -> T:
        """The answer for ``key``, asked for anew where it is too old."""
        now = self._clock.monotonic()
        with self._lock:
            found = self._known.get(key)
        if found is not None and now - found[0] < SECONDS:
            return found[1]
        value = load()
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = (now, value)
        return value
