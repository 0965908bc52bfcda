"""Retry and cancel of tasks from pages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from api.dashboard.kit.action_flow import BulkFlow
from api.dashboard.kit.formats import counted
from api.dashboard.kit.pages import Pages
from api.dashboard.tasks.views import TASKS
from shared.accounts.audit import AuditContext
from shared.actions import bulk
from shared.actions import tasks as task_actions
from shared.states import OPEN_STATUSES, Operation, TaskStatus
from shared.sync import queries as task_queries
from shared.sync.queries import TaskFilter

_CHANGEABLE = {
    Operation.RETRY: (TaskStatus.FAILED, TaskStatus.CANCELLED),
    Operation.CANCEL: OPEN_STATUSES,
}
_BACK_PAGES = {"overview": "/", "task": "/tasks/{}"}

pages = Pages("task_actions", __name__)


def _sample(
    session: Session, filters: TaskFilter, limit: int, *, operation: Operation
) -> Sequence[Sequence[str | None]]:
    statuses = set(filters.statuses or TaskStatus) & set(_CHANGEABLE[operation])
    changeable = replace(filters, statuses=tuple(sorted(statuses)))
    rows = task_queries.page(session, changeable, limit=limit)
    return [(task.ticket_key, task.job_name, task.error_message) for task in rows]


def _cancelled_before(session: Session, filters: TaskFilter) -> Iterator[str]:
    """Warns that a retry of all that match also retries tasks that an operator cancelled."""
    statuses = filters.statuses or tuple(TaskStatus)
    if filters.ids or TaskStatus.CANCELLED not in statuses:
        return
    cancelled = replace(filters, statuses=(TaskStatus.CANCELLED,))
    if number := bulk.preview(session, Operation.RETRY, cancelled).changed:
        yield f"{counted(number, 'task')} among them had been cancelled."


def _act(session: Session, task_id: str, context: AuditContext, *, operation: Operation) -> None:
    task_actions.act(session, operation, task_id, context=context)


def _flow(operation: Operation, *, done: str, **more: Any) -> BulkFlow[TaskFilter]:
    verb = operation.value.capitalize()
    return BulkFlow(
        operation=operation,
        listing=TASKS,
        unit="task",
        verb=verb,
        question=f"{verb} {{count}}?",
        done=done,
        select=lambda ids: TaskFilter(ids=ids),
        sample=partial(_sample, operation=operation),
        act_on_one=partial(_act, operation=operation),
        back_pages=_BACK_PAGES,
        **more,
    )


_flow(Operation.RETRY, done="retried", notes=_cancelled_before).add_to(pages, "/tasks/retry")
_flow(Operation.CANCEL, done="cancelled", danger=True).add_to(pages, "/tasks/cancel")
