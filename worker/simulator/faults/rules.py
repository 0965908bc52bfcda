"""Faults on demand: rules say which requests fail, how, how often and for how long."""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, Final

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from shared.clock import Clock, iso_millis
from worker.simulator.members import Members

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
STATUSES: Final = (
    *("400", "401", "403", "404", "405", "409", "410", "413", "414", "415", "429"),
    *("500", "501", "502", "503", "504"),
)
_LONGEST_DELAY: Final = 120.0


class Fault(Members):
    """One rule; ``GET /_sim/`` shows what is described here."""

    match: str = Field(
        "*", description="`POST /rest/api/*/issue/bulkfetch`, `/rest/*`, `*`: with wildcards"
    )
    kind: str = Field(
        alias="fault", description="a kind or a status; the first rule that applies wins"
    )
    times: NonNegativeInt | None = Field(None, description="apply at most this often")
    skip: NonNegativeInt = Field(0, description="let this many matching requests pass first")
    every: PositiveInt = Field(1, description="then apply to every n-th of them")
    after: float = Field(0.0, description="seconds until the rule becomes active")
    seconds: float | None = Field(None, description="how long it stays active")
    pause: float | None = Field(None, alias="delay", description="seconds that hang and slow take")
    retry_after: int | float | str | None = Field(None, description="Retry-After, as given")
    retry_after_form: str = Field("", description="`date` makes Retry-After a date")
    reason: str | None = Field(None, description="RateLimit-Reason")
    reset_in: float | None = Field(None, description="X-RateLimit-Reset in this many seconds")
    headers: dict[str, Any] = Field({}, description="any other headers")
    body: str | None = Field(None, description="another body of a status")
    page: bool = Field(
        default=False, description="answer a status with an HTML page, as proxies do"
    )
    longer_than: NonNegativeInt = Field(
        0, description="only requests whose address, or body of a POST, has more bytes than this"
    )
    keys: list[str] | None = Field(None, description="the tickets that issueErrors names")
    count: int = Field(1, description="how many tickets issueErrors names without `keys`")
    _added: float = 0.0
    _seen: int = 0
    _fired: int = 0

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS and kind not in STATUSES:
            raise ValueError(f"unknown fault {kind!r}; known are {[*KINDS, *STATUSES]}")
        return kind

    @property
    def delay(self) -> float:
        """Seconds that ``hang`` and ``slow`` take, two minutes at most."""
        usual = 60.0 if self.kind == "hang" else 2.0
        return min(usual if self.pause is None else self.pause, _LONGEST_DELAY)

    def activate(self, now: float) -> None:
        """Start the time that ``after`` and ``seconds`` count from."""
        self._added = now

    def matches(self, method: str, path: str, *, size: int) -> bool:
        """Whether ``match`` covers it: ``POST /rest/api/*/issue/bulkfetch``, ``/rest/*``, ``*``.

        ``size`` is in bytes: of the address, or of a POST's body.
        """
        verb, _, pattern = self.match.rpartition(" ")
        fits = verb in ("", "*", method) and fnmatchcase(path, pattern)
        return fits and size > self.longer_than

    def applies(self, now: float) -> bool:
        """Count a matching request; returns whether the fault applies to it."""
        active = now - self._added - self.after
        if active < 0 or (self.seconds is not None and active >= self.seconds):
            return False
        self._seen += 1
        place = self._seen - self.skip
        if place <= 0 or place % self.every or self._fired == self.times:
            return False
        self._fired += 1
        return True

    def to_json(self) -> dict[str, Any]:
        """The rule and how often it was applied."""
        counters = {"seen": self._seen, "fired": self._fired}
        return self.model_dump(by_alias=True, exclude_unset=True) | counters


@dataclass(slots=True)
class FaultRules:
    """The active rules in the order they were added; the first that applies wins."""

    clock: Clock
    _faults: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, rules: Any) -> int:
        """Add rules, all or none; raises ``InvalidControlError``. Returns how many there are."""
        if not isinstance(rules, list):
            rules = [rules]
        made = [Fault.of(rule) for rule in rules]
        for fault in made:
            fault.activate(self.clock.monotonic())
        with self._lock:
            self._faults.extend(made)
            return len(self._faults)

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._faults.clear()

    def find(self, method: str, path: str, *, size: int = 1) -> Fault | None:
        """The fault that applies to this request, if any; counts it. ``size`` is in bytes."""
        now = self.clock.monotonic()
        with self._lock:
            found = (
                f for f in self._faults if f.matches(method, path, size=size) and f.applies(now)
            )
            return next(found, None)

    def to_json(self) -> list[dict[str, Any]]:
        """All rules with their counters."""
        with self._lock:
            return [fault.to_json() for fault in self._faults]


def fault_headers(fault: Fault, clock: Clock) -> dict[str, str]:
    """Retry-After in the requested form, rate-limit headers, and the headers of the rule."""
    headers = {}
    if (wait := fault.retry_after) is not None:
        headers["Retry-After"] = str(wait)
        if fault.retry_after_form == "date":
            moment = clock.now() + timedelta(seconds=float(wait))
            headers["Retry-After"] = format_datetime(moment, usegmt=True)
    if fault.reset_in is not None:
        headers["X-RateLimit-Reset"] = iso_millis(clock.now() + timedelta(seconds=fault.reset_in))
    if fault.reason is not None:
        headers["RateLimit-Reason"] = fault.reason
    return headers | {name: str(value) for name, value in fault.headers.items()}
