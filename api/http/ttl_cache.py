"""A cache of answers that may be a second old."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.clock import Clock

SECONDS = 1.0
"""How late a process may learn of a change in another one, such as a revoked token."""
_MAX_ENTRIES = 4096

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Keeps what ``load`` returned for a key, for up to a second. An error is not kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, load: Callable[[], T]) -> T:
        """The answer for ``key``, loaded again if it is too old."""
        now = self._clock.monotonic()
        with self._lock:
            found = self._entries.get(key)
        if found is not None and now - found[0] < SECONDS:
            return found[1]
        value = load()
        with self._lock:
            if len(self._entries) >= _MAX_ENTRIES:
                self._entries.clear()
            self._entries[key] = (now, value)
        return value
