"""Deliveries of webhooks and their attempts, with Jira's rules for retries."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

MOST_RETRIES: Final = 5
_RETRIED: Final = frozenset({408, 409, 425, 429})
_ACCEPTED: Final = range(200, 300)
_BROKEN: Final = 500


class Flow(StrEnum):
    """``Secondary`` marks changes that follow from bulk operations."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"


class Outcome(StrEnum):
    """The state of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request; without an answer ``status`` is None and ``error`` says why."""

    at: str
    milliseconds: float
    status: int | None = None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver accepted it."""
        return self.status in _ACCEPTED

    @property
    def final(self) -> bool:
        """Whether Jira does not retry (JIRA.md section 6: other 4xx are not retried)."""
        return self.status is not None and not (self.status in _RETRIED or self.status >= _BROKEN)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One event for one webhook; the identifier stays the same across retries."""

    identifier: str
    webhook: int
    url: str
    event: str
    key: str
    issue_id: int
    body: bytes
    extra: Mapping[str, str] = field(default_factory=dict)
    flow: Flow = Flow.PRIMARY
    repeats: int = 0
    late: bool = False
    pending: bool = True
    outcome: Outcome = Outcome.WAITING
    attempts: list[Attempt] = field(default_factory=list)

    def headers(self, *, cloud: bool) -> dict[str, str]:
        """The request headers; Data Center sends neither identifier nor retry count."""
        made = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian HookClient",
        }
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
            "webhook": self.webhook,
            "event": self.event,
            "key": self.key,
            "issueId": str(self.issue_id),
            "outcome": self.outcome.value,
            "reordered": self.late,
            "attempts": [asdict(attempt) for attempt in self.attempts],
        }


def summary(deliveries: Iterable[Delivery]) -> dict[str, Any]:
    """Deliveries by state and attempts by status; ``pending`` is 0 once all are done."""
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
