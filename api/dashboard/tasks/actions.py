"""Retry and cancel from pages: first how many and which, then the deed, then what came of it."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

from flask import Response, flash, request

from api.actions import bulk as bulk_requests
from api.auth.bearer import current_actor
from api.dashboard.kit.confirm import SAMPLE, Confirmation, ask
from api.dashboard.kit.formats import counted
from api.dashboard.kit.formats import number as grouped
from api.dashboard.kit.labels import SKIPPED
from api.dashboard.kit.layout import redirect_after_post
from api.dashboard.kit.pages import Pages
from api.dashboard.tasks.views import TASKS
from api.http.request_ids import request_id
from api.runtime import in_transaction, notify, transaction
from shared.accounts.audit import AuditContext
from shared.actions import bulk
from shared.actions import tasks as task_actions
from shared.actions.counts import Counts
from shared.errors import ConflictError, InvalidInputError
from shared.states import OPEN_STATUSES, Operation, Role, TaskStatus
from shared.sync import queries as task_queries
from shared.sync.queries import TaskFilter

MOST_SELECTED = 200
"""Tasks that can be picked one by one."""
MOST_REASON = 255
_VERBS = {Operation.RETRY: "Retry", Operation.CANCEL: "Cancel"}
_DONE = {Operation.RETRY: "retried", Operation.CANCEL: "cancelled"}
_CHANGEABLE = {
    Operation.RETRY: (TaskStatus.FAILED, TaskStatus.CANCELLED),
    Operation.CANCEL: OPEN_STATUSES,
}
_NOT_FILTERS = ("scope", "back", "id", "reason", "csrf_token")
_BACKS = {"overview": "/", "task": "/tasks/{}"}

pages = Pages("task_actions", __name__)


@pages.page("/tasks/retry", role=Role.FULL)
def ask_retry() -> Response:
    """How many would be retried."""
    return _ask(Operation.RETRY)


@pages.page("/tasks/cancel", role=Role.FULL)
def ask_cancel() -> Response:
    """How many would be cancelled."""
    return _ask(Operation.CANCEL)


@pages.action("/tasks/retry")
def retry() -> Response:
    """Retry them."""
    return _do(Operation.RETRY)


@pages.action("/tasks/cancel")
def cancel() -> Response:
    """Cancel them."""
    return _do(Operation.CANCEL)


def _ask(operation: Operation) -> Response:
    wanted, hidden = _meant(request.args.to_dict(), request.args.getlist("id"))
    with transaction() as session:
        outcome = bulk.preview(session, operation, wanted)
    verb, count = _VERBS[operation], counted(outcome.changed, "task")
    return ask(
        Confirmation(
            title=f"{verb} {'this task' if outcome.matched == 1 else 'tasks'}",
            question=f"{verb} {count}?" if outcome.changed else _nothing(operation, outcome),
            verb=f"{verb} {count}",
            action=request.path,
            back=_back(dict(hidden), wanted),
            total=outcome.changed,
            hidden=hidden,
            notes=[*_revived(operation, wanted), *_notes(outcome)],
            sample=_sample(operation, wanted) if outcome.changed else (),
            danger=operation is Operation.CANCEL,
        )
    )


def _do(operation: Operation) -> Response:
    wanted, hidden = _meant(request.form.to_dict(), request.form.getlist("id"))
    reason = request.form.get("reason", "").replace("\0", "").strip()[:MOST_REASON]
    context = AuditContext(actor=current_actor(), reason=reason or None, request_id=request_id())
    if len(wanted.ids) == 1:
        _do_one(operation, wanted.ids[0], context)
    else:
        action = bulk_requests.start(operation, wanted, context=context)
        outcome = bulk.counts_of(action)
        flash(_came_of(operation, outcome), "good" if outcome.changed else "warn")
    return redirect_after_post(_back(dict(hidden), wanted))


def _do_one(operation: Operation, task_id: str, context: AuditContext) -> None:
    """One task alone: the audit names it, and a refusal says why."""
    try:
        in_transaction(
            lambda session: task_actions.act(session, operation, task_id, context=context)
        )
    except ConflictError as error:
        flash(error.message, "warn")
    else:
        notify()
        flash(f"1 task {_DONE[operation]}.", "good")


def _meant(fields: dict[str, str], ids: list[str]) -> tuple[TaskFilter, list[tuple[str, str]]]:
    """Which tasks are meant, and the same for the hidden fields of a form.

    Raises InvalidInputError where nothing is picked: no selection must never mean everything.
    """
    scope, back = fields.get("scope"), fields.get("back", "")
    kept = [("scope", scope or ""), ("back", back)]
    if scope == "selected":
        picked = tuple(dict.fromkeys(filter(None, ids)))
        if not 0 < len(picked) <= MOST_SELECTED or not all(map(str.isprintable, picked)):
            raise InvalidInputError(f"Select between 1 and {MOST_SELECTED} tasks in the list first")
        return TaskFilter(ids=picked), [*kept, *(("id", task_id) for task_id in picked)]
    if scope != "matching":
        raise InvalidInputError("scope must be one of selected, matching")
    listing = TASKS.read(besides=_NOT_FILTERS)
    return listing.query.filters(), [*kept, *listing.absolute.items()]


def _sample(operation: Operation, wanted: TaskFilter) -> list[tuple[str | None, ...]]:
    statuses = set(wanted.statuses or TaskStatus) & set(_CHANGEABLE[operation])
    with transaction() as session:
        some = task_queries.page(
            session, replace(wanted, statuses=tuple(sorted(statuses))), limit=SAMPLE
        )
    return [(task.ticket_key, task.job_name, task.error_message) for task in some]


def _revived(operation: Operation, wanted: TaskFilter) -> Iterator[str]:
    """A retry of all that match brings back what somebody cancelled: that has to be said."""
    if operation is Operation.CANCEL or wanted.ids or wanted.statuses == (TaskStatus.FAILED,):
        return
    cancelled = replace(wanted, statuses=(TaskStatus.CANCELLED,))
    if wanted.statuses and TaskStatus.CANCELLED not in wanted.statuses:
        return
    with transaction() as session:
        number = bulk.preview(session, operation, cancelled).changed
    if number:
        yield f"{counted(number, 'task')} among them had been cancelled."


def _nothing(operation: Operation, outcome: Counts) -> str:
    if not outcome.matched:
        return "No task matches any more."
    return f"None of {counted(outcome.matched, 'task')} can be {_DONE[operation]}."


def _notes(outcome: Counts) -> Iterator[str]:
    for reason, number in outcome.as_json()["skipped"].items():
        verb = "is" if number == 1 else "are"
        yield f"{counted(number, 'task')} {verb} left alone: {SKIPPED[reason]}."


def _came_of(operation: Operation, outcome: Counts) -> str:
    if outcome.left:
        total = counted(outcome.changed + outcome.left, "task")
        done = f"{grouped(outcome.changed)} of {total} {_DONE[operation]} so far; "
        return done + "it continues in the background. The audit shows how far it is."
    done = f"{counted(outcome.changed, 'task')} {_DONE[operation]}."
    return " ".join([done, *_notes(outcome)])


def _back(hidden: dict[str, str], wanted: TaskFilter) -> str:
    """Where the form was come from; a list keeps its filters."""
    if hidden.get("back") in _BACKS:
        return _BACKS[hidden["back"]].format(*wanted.ids[:1] or ("",))
    if wanted.ids:
        return "/tasks"
    filters = {name: value for name, value in hidden.items() if name not in _NOT_FILTERS}
    return f"{TASKS.path}?{urlencode(filters)}" if filters else TASKS.path
