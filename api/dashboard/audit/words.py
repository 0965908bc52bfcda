"""Plain words for deeds: what was done, to what, and what came of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.dashboard.kit.words import CAUSE, SKIPPED, counted, number
from shared.accounts.audit import AuditAction
from shared.models import AuditEvent
from shared.states import ActorKind

ACTION: dict[str, str] = {
    AuditAction.RETRY: "Retried",
    AuditAction.CANCEL: "Cancelled",
    AuditAction.REPLAY: "Replayed",
    AuditAction.RESUME: "Resumed Jira",
    AuditAction.RECONCILE: "Reconciled",
    AuditAction.CREATE: "Made a job",
    AuditAction.TOKEN_CREATED: "Made a token",
    AuditAction.TOKEN_REVOKED: "Revoked a token",
    AuditAction.OPERATOR_ADDED: "Added an operator",
    AuditAction.OPERATOR_CHANGED: "Changed an operator",
    AuditAction.OPERATOR_REMOVED: "Removed an operator",
}
BY: dict[str, str] = {
    ActorKind.OPERATOR: "on the dashboard",
    ActorKind.TOKEN: "by the API",
    ActorKind.COMMAND: "on the command line",
    ActorKind.OPEN: "on this machine",
}
_SHOWN = 3
_PAGES = {"sync_": "/tasks/", "hook_": "/deliveries/", "job_": "/jobs/"}
_ASKED = {
    "statuses": "status",
    "error_code": "cause",
    "errorCode": "cause",
    "ticket_key": "ticket",
    "ticketKey": "ticket",
    "words": "text",
    "q": "text",
    "ids": "id",
    "receivedSince": "since",
    "receivedUntil": "until",
}
_COUNTED = {"changed": "done", "replayed": "replayed", "pauses": "ended", "matched": "matched"}


def address(subject: str) -> str | None:
    """The page of what something was done to; None where there is none."""
    return next(
        (f"{page}{subject}" for kind, page in _PAGES.items() if subject.startswith(kind)), None
    )


def chosen(event: AuditEvent) -> str:
    """What a filter asked for: ``all with status failed, errorCode ticket_not_found``."""
    if event.filter is None:
        return ""
    said = ", ".join(
        f"{_ASKED.get(name, name)} {_value(value)}" for name, value in event.filter.items()
    )
    return f"all with {said}" if said else "all"


def _value(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(_value, value[:_SHOWN]))
        return shown if len(value) <= _SHOWN else f"{shown} and {number(len(value) - _SHOWN)} more"
    return CAUSE[value].title.lower() if value in CAUSE else str(value)


def came_of(event: AuditEvent) -> str:
    """The counts in words: ``12 done; 3 filled already``."""
    return "; ".join(_counts(event.counts or {}))


def _place(name: str) -> tuple[int, str]:
    """What matched is said first, what was left alone last."""
    return {"matched": 0, "skipped": 2}.get(name, 1), name


def _counts(counts: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(counts, key=_place):
        value = counts[name]
        if name == "skipped" and isinstance(value, Mapping):
            yield from (f"{number(int(n))} {SKIPPED.get(why, why)}" for why, n in value.items())
        elif name == "pauses":
            yield counted(int(value), "pause") + " ended" if value else "there was no pause"
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"{number(value)} {_COUNTED.get(name, name)}"
        else:
            yield f"{name} {_value(value)}"
