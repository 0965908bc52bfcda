"""Labels of audit events: the action, what it was done to, and its result."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.dashboard.kit.formats import counted, number
from api.dashboard.kit.labels import CAUSE, SKIPPED
from shared.accounts.audit import AuditAction
from shared.models import AuditEvent
from shared.states import ActorKind

ACTION: dict[str, str] = {
    AuditAction.RETRY: "Retried",
    AuditAction.CANCEL: "Cancelled",
    AuditAction.REPLAY: "Replayed",
    AuditAction.RESUME: "Resumed Jira",
    AuditAction.RECONCILE: "Reconciled",
    AuditAction.CREATE: "Created a job",
    AuditAction.UPDATE: "Changed a job",
    AuditAction.TOKEN_CREATED: "Created a token",
    AuditAction.TOKEN_ROTATED: "Rotated a token",
    AuditAction.TOKEN_REVOKED: "Revoked a token",
    AuditAction.OPERATOR_ADDED: "Added an operator",
    AuditAction.OPERATOR_CHANGED: "Changed an operator",
    AuditAction.OPERATOR_REMOVED: "Removed an operator",
    AuditAction.SESSIONS_ENDED: "Ended sessions",
}
ACTOR_KIND: dict[str, str] = {
    ActorKind.OPERATOR: "on the dashboard",
    ActorKind.TOKEN: "by the API",
    ActorKind.COMMAND: "on the command line",
    ActorKind.OPEN: "on this machine",
}
_SHOWN = 3
_PAGES = {"sync_": "/tasks/", "hook_": "/deliveries/", "job_": "/jobs/"}
_FILTER_NAMES = {
    "statuses": "status",
    "error_code": "cause",
    "ticket_key": "ticket",
    "words": "text",
    "ids": "id",
}
_COUNT_NAMES = {"changed": "done", "replayed": "replayed", "pauses": "ended", "matched": "matched"}


def page_of(subject: str) -> str | None:
    """The address of the page about a task, delivery or job; None for other subjects."""
    return next(
        (f"{page}{subject}" for kind, page in _PAGES.items() if subject.startswith(kind)), None
    )


def filter_text(event: AuditEvent) -> str:
    """The filter of an action on many: ``all with status failed, cause ticket not found``."""
    if event.filter is None:
        return ""
    conditions = ", ".join(
        f"{_FILTER_NAMES.get(name, name)} {_value(value)}" for name, value in event.filter.items()
    )
    return f"all with {conditions}" if conditions else "all"


def _value(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(_value, value[:_SHOWN]))
        return shown if len(value) <= _SHOWN else f"{shown} and {number(len(value) - _SHOWN)} more"
    return CAUSE[value].title.lower() if value in CAUSE else str(value)


def result(event: AuditEvent, running: Mapping[int, Mapping[str, Any]]) -> str:
    """The counts: ``12 done; 3 already filled``. ``running``: those of unfinished bulk actions."""
    return "; ".join(_counts(event.counts or running.get(event.id, {})))


def _order(name: str) -> tuple[int, str]:
    """The number of matches comes first, what was skipped comes last."""
    return {"matched": 0, "skipped": 2}.get(name, 1), name


def _counts(counts: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(counts, key=_order):
        value = counts[name]
        if name == "skipped" and isinstance(value, Mapping):
            yield from (f"{number(int(n))} {SKIPPED.get(why, why)}" for why, n in value.items())
        elif name == "pauses":
            yield counted(int(value), "pause") + " ended" if value else "there was no pause"
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"{number(value)} {_COUNT_NAMES.get(name, name)}"
        else:
            yield f"{name} {_value(value)}"
