"""Plain words for what pages show: moments, durations, numbers, states, causes and remedies."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask import Flask

from shared.clock import iso_millis
from shared.states import AttemptOutcome, FailureCode, Source, TaskStatus

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTH = 30 * _DAY
_SOON = 5


def moment(at: datetime) -> str:
    """A moment to the second, with its zone: ``2024-01-15 10:30:00 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative(at: datetime, *, now: datetime) -> str:
    """How long ago, or in how long: ``just now``, ``3 min ago``, ``in 2 h``; far off, the day."""
    seconds = (now - at).total_seconds()
    size = abs(seconds)
    if size < _SOON:
        return "just now"
    if size >= _MONTH:
        return at.astimezone(UTC).strftime("%Y-%m-%d")
    words = _largest(size)
    return f"{words} ago" if seconds > 0 else f"in {words}"


def _largest(seconds: float) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def duration(seconds: float | None) -> str:
    """A length of time by its two largest units: ``320 ms``, ``4.2 s``, ``3 min 20 s``."""
    if seconds is None:
        return "\u2013"
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    units = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
    at = next(i for i, (size, _) in enumerate(units) if seconds >= size)
    (large, name), (small, rest) = units[at], units[at + 1]
    left = int(seconds % large // small)
    return f"{int(seconds // large)} {name}" + (f" {left} {rest}" if left else "")


def number(value: int) -> str:
    """With a thin space between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def counted(value: int, unit: str) -> str:
    """``1 task``, ``1 234 tasks``."""
    return f"{number(value)} {unit if value == 1 else several(unit)}"


def several(unit: str) -> str:
    """The plural of a word of ours."""
    return unit[:-1] + "ies" if unit.endswith("y") and unit[-2] not in "aeiou" else f"{unit}s"


STATUS: dict[str, str] = {
    TaskStatus.PENDING: "Waiting",
    TaskStatus.RUNNING: "Running",
    TaskStatus.FILLED: "Filled",
    TaskStatus.FAILED: "Failed",
    TaskStatus.CANCELLED: "Cancelled",
}
SOURCE: dict[str, str] = {
    Source.API: "Read from Jira",
    Source.WEBHOOK: "Webhook",
    Source.POLL: "Poll",
    Source.MIRROR: "Our copy",
}
ATTEMPT: dict[str, str] = {
    AttemptOutcome.FILLED: "Filled",
    AttemptOutcome.FAILED: "Failed",
    AttemptOutcome.WAITING: "Put off",
    AttemptOutcome.CRASHED: "Interrupted",
}


class Cause(NamedTuple):
    """Why tasks failed, and what whoever is on call can do about it."""

    title: str
    remedy: str


CAUSE: dict[str, Cause] = {
    FailureCode.TICKET_NOT_FOUND: Cause(
        "Ticket not found",
        "Jira has no such ticket, or our account may not see it. Check the keys, or give the "
        "account access to the project, then retry.",
    ),
    FailureCode.NO_PERMISSION: Cause(
        "No permission",
        "Our Jira account may not read these tickets. Give it the Browse Projects permission, "
        "then retry.",
    ),
    FailureCode.UNUSABLE_TICKET: Cause(
        "Unusable ticket",
        "Jira answered in a form we cannot read. Compare the field mapping with the ticket, "
        "then retry.",
    ),
    FailureCode.TICKET_DELETED: Cause(
        "Ticket deleted",
        "The ticket was deleted in Jira before it could be read. Restore it there and retry, "
        "or cancel these tasks.",
    ),
    FailureCode.CRASHED: Cause(
        "Stopped the worker",
        "Reading these tickets stopped a worker three times, so they were set aside. Look into "
        "the worker's log before a retry.",
    ),
    FailureCode.JOB_DELETED: Cause("Job deleted", "The job is gone: there is nothing to fill."),
}
SKIPPED: dict[str, str] = {
    "already_filled": "filled already",
    "already_waiting": "waiting already",
    "already_cancelled": "cancelled already",
    "running": "being worked on right now",
    "job_deleted": "whose job was deleted",
}


def register(app: Flask) -> None:
    """Give templates these words as filters, and the vocabularies as globals."""
    filters: tuple[Callable[..., Any], ...] = (moment, relative, duration, number, counted)
    for word in filters:
        app.jinja_env.filters[word.__name__] = word
    app.jinja_env.filters["iso"] = iso_millis
    app.jinja_env.globals["words"] = {
        "status": STATUS,
        "source": SOURCE,
        "attempt": ATTEMPT,
        "cause": CAUSE,
        "skipped": SKIPPED,
    }
