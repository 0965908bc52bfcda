"""Counts of requests by endpoint, per second and in parallel; tests of load rely on them."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from shared.clock import Clock

_API: Final = re.compile(r"/rest/(?:api/[^/]+|webhooks/[^/]+)/")
_VARIABLE: Final = (
    (re.compile(r"^issue/(?!bulkfetch$)[^/]+"), "issue/{key}"),
    (re.compile(r"^project/[^/]+"), "project/{key}"),
    (re.compile(r"^webhook/[^/]+"), "webhook/{id}"),
)


def endpoint(method: str, path: str) -> str:
    """``POST issue/bulkfetch``, ``GET issue/{key}``: method and path without site and version."""
    bare = _API.sub("", path, count=1)
    for pattern, name in _VARIABLE:
        bare = pattern.sub(name, bare)
    return f"{method} {bare}"


@dataclass(slots=True)
class Counts:
    """Counters since the last reset; times are whole seconds of the wall clock."""

    clock: Clock
    _lock: Lock = field(default_factory=Lock)
    _requests: Counter[str] = field(default_factory=Counter)
    _statuses: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _seconds: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _faults: Counter[str] = field(default_factory=Counter)
    _running: int = 0
    _most_running: int = 0

    def begin(self, name: str) -> None:
        """A request arrived."""
        second = int(self.clock.now().timestamp())
        with self._lock:
            self._requests[name] += 1
            self._seconds[name][second] += 1
            self._running += 1
            self._most_running = max(self._most_running, self._running)

    def end(self, name: str, status: str, *, fault: str | None) -> None:
        """The request was answered, or ended in another way; ``status`` says how."""
        with self._lock:
            self._running -= 1
            self._statuses[name][status] += 1
            if fault is not None:
                self._faults[fault] += 1

    def reset(self) -> None:
        """Start from zero; requests in progress still count as running."""
        with self._lock:
            for counter in (self._requests, self._statuses, self._seconds, self._faults):
                counter.clear()
            self._most_running = self._running

    def to_json(self) -> dict[str, Any]:
        """The answer of ``GET /_sim/counts``."""
        with self._lock:
            overall: Counter[int] = Counter()
            for seconds in self._seconds.values():
                overall.update(seconds)
            return {
                "total": self._requests.total(),
                "requests": dict(self._requests),
                "statuses": {name: dict(found) for name, found in self._statuses.items()},
                "faults": dict(self._faults),
                "maxPerSecond": {name: max(s.values()) for name, s in self._seconds.items()},
                "maxPerSecondOverall": max(overall.values(), default=0),
                "perSecond": {str(second): overall[second] for second in sorted(overall)},
                "running": self._running,
                "maxConcurrency": self._most_running,
            }
