"""Deliveries of webhooks and what became of them: Jira's retry rules and the simulator's log."""

import hashlib
import hmac
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any, Final

MOST_RETRIES: Final = 5
_RETRIED: Final = frozenset({408, 409, 425, 429})
_ACCEPTED: Final = range(200, 300)
_BROKEN: Final = 500
_KEPT: Final = 20_000


class Flow(StrEnum):
    """``Secondary`` marks the fallout of bulk work."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"


class Outcome(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request; ``status`` is None where there was no answer, and ``error`` says why."""

    at: str
    milliseconds: float
    status: int | None = None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.status in _ACCEPTED

    @property
    def final(self) -> bool:
        """Whether Jira leaves it at that (JIRA.md section 6: other 4xx are not tried again)."""
        return self.status is not None and not (self.status in _RETRIED or self.status >= _BROKEN)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook; the identifier stays the same across retries."""

    identifier: str
    hook: int
    url: str
    event: str
    key: str
    issue_id: int
    body: bytes
    secret: str
    extra: Mapping[str, str] = field(default_factory=dict)
    flow: Flow = Flow.PRIMARY
    repeats: int = 0
    late: bool = False
    pending: bool = True
    outcome: Outcome = Outcome.WAITING
    attempts: list[Attempt] = field(default_factory=list)

    def headers(self, *, cloud: bool) -> dict[str, str]:
        """What goes along; Data Center sends neither identifier nor retry count."""
        made = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian HookClient",
        }
        if self.secret:
            made["X-Hub-Signature"] = sign(self.body, self.secret)
        if cloud:
            made["X-Atlassian-Webhook-Identifier"] = self.identifier
            made["X-Atlassian-Webhook-Flow"] = self.flow.value
            if self.attempts:
                made["X-Atlassian-Webhook-Retry"] = str(len(self.attempts))
        return made | dict(self.extra)

    def to_json(self) -> dict[str, Any]:
        """The log line of this delivery."""
        return {
            "identifier": self.identifier,
            "webhook": self.hook,
            "event": self.event,
            "key": self.key,
            "issueId": str(self.issue_id),
            "outcome": self.outcome.value,
            "reordered": self.late,
            "attempts": [
                {"at": a.at, "milliseconds": a.milliseconds, "status": a.status, "error": a.error}
                for a in self.attempts
            ],
        }


def sign(body: bytes, secret: str) -> str:
    """``X-Hub-Signature``: WebSub's ``method=signature`` over the raw body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


@dataclass(slots=True)
class DeliveryLog:
    """The last deliveries, newest last."""

    _deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _lock: Lock = field(default_factory=Lock)

    def add(self, delivery: Delivery) -> None:
        """Remember a delivery that is about to be made."""
        with self._lock:
            self._deliveries.append(delivery)

    def clear(self) -> None:
        """Forget all; those on their way still arrive."""
        with self._lock:
            self._deliveries.clear()

    def all(self) -> list[Delivery]:
        """A copy of the log."""
        with self._lock:
            return list(self._deliveries)

    def to_json(self, *, limit: int) -> dict[str, Any]:
        """Totals over the whole log, and its last ``limit`` deliveries."""
        kept = self.all()
        shown = kept[-limit:] if limit else []
        return {"summary": summary(kept), "deliveries": [one.to_json() for one in shown]}


def summary(deliveries: Iterable[Delivery]) -> dict[str, Any]:
    """How many deliveries stand where, and how their attempts went; ``pending`` 0 is the end."""
    outcomes: Counter[str] = Counter({outcome.value: 0 for outcome in Outcome})
    statuses: Counter[str] = Counter()
    reordered = pending = 0
    for delivery in deliveries:
        outcomes[delivery.outcome.value] += 1
        statuses.update(str(a.status or a.error) for a in list(delivery.attempts))
        reordered += delivery.late
        pending += delivery.pending
    made: dict[str, Any] = {"total": outcomes.total(), "reordered": reordered, "pending": pending}
    return made | outcomes | {"attempts": statuses.total(), "statuses": dict(statuses)}
