"""Jira's rate limits: a burst budget for each endpoint, and writes for each ticket."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from threading import Lock
from typing import Final

from shared.clock import Clock, iso_millis
from worker.simulator.config import Deployment
from worker.simulator.errors import JiraRefusal

# JIRA.md section 4: 20 writes in 2 s and 100 in 30 s on one issue.
_WRITE_WINDOWS: Final = ((20, 2.0), (100, 30.0))


@dataclass(slots=True)
class BurstLimit:
    """A token bucket for each endpoint and method, one second deep (JIRA.md sections 3 and 4)."""

    clock: Clock
    deployment: Deployment
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def spend(self, endpoint: str, *, per_second: float) -> dict[str, str]:
        """Headers for the answer; raises the 429 when the bucket is empty."""
        if per_second <= 0:
            return {}
        depth = max(per_second, 1.0)
        now = self.clock.monotonic()
        with self._lock:
            level, last = self._buckets.get(endpoint, (depth, now))
            level = min(depth, level + (now - last) * per_second)
            allowed = level >= 1
            self._buckets[endpoint] = (level - 1 if allowed else level, now)
        headers = self._headers(level - 1 if allowed else 0, depth, per_second)
        if allowed:
            return headers
        raise JiraRefusal(
            429, ["Rate limit exceeded."], headers=headers | self._wait((1 - level) / per_second)
        )

    def _headers(self, level: float, depth: float, per_second: float) -> dict[str, str]:
        headers = {"X-RateLimit-Limit": f"{depth:.0f}", "X-RateLimit-Remaining": f"{level:.0f}"}
        if self.deployment is Deployment.SERVER:
            rate = {"X-RateLimit-FillRate": f"{per_second:.0f}", "retry-after": "0"}
            return headers | rate | {"X-RateLimit-Interval-Seconds": "1"}
        return headers

    def _wait(self, seconds: float) -> dict[str, str]:
        parse_number = str(max(1, ceil(seconds)))
        if self.deployment is Deployment.SERVER:
            return {"retry-after": parse_number}
        reset = iso_millis(self.clock.now() + timedelta(seconds=seconds))
        reason = {"RateLimit-Reason": "jira-burst-based"}
        return reason | {"Retry-After": parse_number, "X-RateLimit-Reset": reset}


@dataclass(slots=True)
class WriteLimit:
    """Limits the writes of one ticket in a short and in a longer window."""

    clock: Clock
    _writes: defaultdict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: Lock = field(default_factory=Lock)

    def spend(self, ticket_id: int) -> None:
        """Count a write; raises the 429 when the ticket has had too many."""
        now = self.clock.monotonic()
        with self._lock:
            writes = self._writes[ticket_id]
            while writes and writes[0] <= now - _WRITE_WINDOWS[-1][1]:
                writes.popleft()
            for most, window in _WRITE_WINDOWS:
                if sum(moment > now - window for moment in writes) >= most:
                    raise _too_many_writes(window)
            writes.append(now)


def _too_many_writes(window: float) -> JiraRefusal:
    headers = {"Retry-After": f"{window:.0f}", "RateLimit-Reason": "jira-per-issue-on-write"}
    return JiraRefusal(429, ["Too many writes of this issue."], headers=headers)
