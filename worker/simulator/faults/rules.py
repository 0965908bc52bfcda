"""Faults on demand: rules say which requests fail, how, how often and for how long."""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, Final

from shared.clock import Clock, iso_millis

KINDS: Final = {
    "hang": "no answer for `delay` seconds (60), then the connection is closed",
    "slow": "the usual answer after `delay` seconds (2)",
    "reset": "TCP reset without an answer",
    "cut": "half of the body that Content-Length announces, then the connection is closed",
    "truncated": "200 whose JSON is cut in half",
    "html": "200 with an HTML page of a login or a proxy",
    "stale": "tickets as they were before their last edit",
    "expired": "the token is expired: 200-empty or 404, `myself` 401",
    "captcha": "403, credentials are not checked at all",
    "issueErrors": "bulk reads put `count` tickets (1) or those of `keys` into issueErrors",
}
STATUSES: Final = ("400", "401", "403", "404", "409", "429", "500", "502", "503", "504")
_LONGEST_DELAY: Final = 120.0
_RULE: Final = frozenset({"match", "fault", "times", "skip", "every", "seconds", "after"})
_OPTIONS: Final = frozenset(
    {"retryAfter", "retryAfterForm", "reason", "resetIn", "headers", "body"}
    | {"delay", "count", "keys"}
)
_MEMBERS: Final = _RULE | _OPTIONS


class InvalidFaultError(ValueError):
    """An invalid rule; the message names what is wrong."""


@dataclass(slots=True)
class Fault:
    """One rule; see ``KINDS`` and ``GET /_sim/`` for what its members mean."""

    kind: str
    match: str = "*"
    times: int | None = None
    skip: int = 0
    every: int = 1
    starts: float = 0.0
    ends: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    @property
    def delay(self) -> float:
        """Seconds that ``hang`` and ``slow`` take, two minutes at most."""
        usual = 60.0 if self.kind == "hang" else 2.0
        return min(float(self.options.get("delay", usual)), _LONGEST_DELAY)

    def matches(self, method: str, path: str) -> bool:
        """Whether ``match`` covers it: ``POST /rest/api/*/issue/bulkfetch``, ``/rest/*``, ``*``."""
        verb, _, pattern = self.match.rpartition(" ")
        return verb in ("", "*", method) and fnmatchcase(path, pattern)

    def applies(self, now: float) -> bool:
        """Count a matching request; returns whether the fault applies to it."""
        if now < self.starts or (self.ends is not None and now >= self.ends):
            return False
        self.seen += 1
        place = self.seen - self.skip
        if (
            place <= 0
            or place % self.every
            or (self.times is not None and self.fired >= self.times)
        ):
            return False
        self.fired += 1
        return True

    def to_json(self) -> dict[str, Any]:
        """The rule and how often it was applied."""
        shown = {"fault": self.kind, "match": self.match, "seen": self.seen, "fired": self.fired}
        limits = {"times": self.times, "skip": self.skip, "every": self.every}
        return shown | limits | self.options


@dataclass(slots=True)
class FaultRules:
    """The active rules in the order they were added; the first that applies wins."""

    clock: Clock
    _faults: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, rules: Any) -> int:
        """Add rules, all or none; raises ``InvalidFaultError``. Returns how many there are."""
        if not isinstance(rules, list):
            rules = [rules]
        made = [_parse(rule, now=self.clock.monotonic()) for rule in rules]
        with self._lock:
            self._faults.extend(made)
            return len(self._faults)

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._faults.clear()

    def find(self, method: str, path: str) -> Fault | None:
        """The fault that applies to this request, if any; counts it."""
        now = self.clock.monotonic()
        with self._lock:
            found = (f for f in self._faults if f.matches(method, path) and f.applies(now))
            return next(found, None)

    def to_json(self) -> list[dict[str, Any]]:
        """All rules with their counters."""
        with self._lock:
            return [fault.to_json() for fault in self._faults]


def fault_headers(fault: Fault, clock: Clock) -> dict[str, str]:
    """Retry-After in the requested form, rate-limit headers, and the headers of the rule."""
    options, headers = fault.options, {}
    if (wait := options.get("retryAfter")) is not None:
        headers["Retry-After"] = str(wait)
        if options.get("retryAfterForm") == "date":
            moment = clock.now() + timedelta(seconds=float(wait))
            headers["Retry-After"] = format_datetime(moment, usegmt=True)
    if (reset := options.get("resetIn")) is not None:
        headers["X-RateLimit-Reset"] = iso_millis(clock.now() + timedelta(seconds=float(reset)))
    if (reason := options.get("reason")) is not None:
        headers["RateLimit-Reason"] = str(reason)
    return headers | {str(k): str(v) for k, v in options.get("headers", {}).items()}


def _parse(rule: Any, *, now: float) -> Fault:
    if not isinstance(rule, dict):
        raise InvalidFaultError("a fault is an object")
    if unknown := sorted(set(rule) - _MEMBERS):
        raise InvalidFaultError(f"unknown members {unknown}; known are {sorted(_MEMBERS)}")
    kind = str(rule.get("fault", ""))
    if kind not in KINDS and kind not in STATUSES:
        raise InvalidFaultError(f"unknown fault {kind!r}; known are {[*KINDS, *STATUSES]}")
    starts = now + float(rule.get("after", 0))
    return Fault(
        kind=kind,
        match=str(rule.get("match", "*")),
        times=_number(rule, "times", None),
        skip=_number(rule, "skip", 0) or 0,
        every=_number(rule, "every", 1) or 1,
        starts=starts,
        ends=starts + float(rule["seconds"]) if "seconds" in rule else None,
        options={k: rule[k] for k in _OPTIONS if k in rule},
    )


def _number(rule: dict[str, Any], name: str, default: int | None) -> int | None:
    value = rule.get(name, default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InvalidFaultError(f"{name} must be a whole number")
    return value
