"""Sync operations: how the filling of jobs stands, its tasks, retry and cancel."""

from flask import Response
from sqlalchemy.orm import Session

from api.actions import bulk as bulk_requests
from api.actions.bulk import bulk_answer
from api.auth.bearer import audit_context
from api.http.pagination import listed
from api.http.responses import json_answer
from api.rest.resource import OPS, ListOf, Resource
from api.runtime import current_runtime, in_transaction, notify, transaction
from api.schemas.bulk_actions import BulkOut
from api.schemas.sync import (
    AttemptOut,
    BulkRequest,
    OneRequest,
    TaskDetail,
    TaskOut,
    TaskPath,
    TaskQuery,
    cursor_text,
)
from api.schemas.sync_summary import SummaryOut
from shared.actions import bulk
from shared.actions import tasks as task_actions
from shared.states import Operation
from shared.sync import pauses
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync.pauses import Pause
from shared.sync.queries import Place, TaskView
from shared.tickets import sites
from shared.tickets.poll_health import poll_health

resource = Resource("sync", prefix="/api/sync", access=OPS, about="How jobs get their Jira fields.")


@resource.route("GET /summary", {200: SummaryOut})
def summary() -> Response:
    """Show what waits, what failed and why, the throughput, and the state of Jira and processes."""
    settings = current_runtime().settings
    with transaction() as session:
        found = sync_summary.summary(session)
        poll, site = poll_health(session, settings), sites.status(session, settings)
    change = sites.change_in_words(site, settings)
    return json_answer(SummaryOut.of(found, poll=poll, site=site, change=change))


@resource.route("GET /tasks", {200: ListOf(TaskOut, "Sync tasks in the order asked for.")})
def read_all(query: TaskQuery) -> Response:
    """List sync tasks."""
    filters, sort = query.filters(), query.sort

    def read(
        session: Session, count: int, after: Place | None
    ) -> list[tuple[TaskView, Pause | None]]:
        rows = task_queries.page(session, filters, limit=count, sort=sort, after=after)
        pause = pauses.current(session)
        return [(row, pause) for row in rows]

    return listed(
        read,
        limit=query.limit,
        after=query.cursor,
        show=lambda found: TaskOut.of(*found),
        key=lambda found: task_queries.place_of(found[0], sort),
        cursor=cursor_text,
    )


@resource.route("GET /tasks/<id>", {200: TaskDetail})
def read(path: TaskPath) -> Response:
    """Read a sync task with its attempts."""
    with transaction() as session:
        task = task_queries.get(session, path.id)
        history = [AttemptOut.from_row(a) for a in task_queries.attempts_of(session, path.id)]
        shown = TaskDetail.of(task, pauses.current(session), history=history)
    return json_answer(shown)


@resource.route("POST /tasks/<id>/retry", {200: TaskOut}, refusals=(409,))
def retry(path: TaskPath, query: OneRequest) -> Response:
    """Make a task that failed or was cancelled due now.

    No earlier than Jira's limit or a pause allows. 409 with the reason where its state forbids it.
    """
    return _act(Operation.RETRY, path.id, query.reason)


@resource.route("POST /tasks/<id>/cancel", {200: TaskOut}, refusals=(409,))
def cancel(path: TaskPath, query: OneRequest) -> Response:
    """End a task without a fill; a read under way writes nothing. 409 where it ended already."""
    return _act(Operation.CANCEL, path.id, query.reason)


def _act(operation: Operation, task_id: str, reason: str | None) -> Response:
    def work(session: Session) -> Response:
        task_actions.act(session, operation, task_id, context=audit_context(reason))
        return json_answer(TaskOut.of(task_queries.get(session, task_id), pauses.current(session)))

    answer = in_transaction(work)
    notify()
    return answer


@resource.route("POST /tasks/retry", {200: BulkOut, 202: BulkOut})
def retry_all(body: BulkRequest) -> Response:
    """Retry all tasks that match; 202 with `id` if it continues in the background."""
    return _act_on_all(Operation.RETRY, body)


@resource.route("POST /tasks/cancel", {200: BulkOut, 202: BulkOut})
def cancel_all(body: BulkRequest) -> Response:
    """Cancel all tasks that match; 202 with `id` if it continues in the background."""
    return _act_on_all(Operation.CANCEL, body)


def _act_on_all(operation: Operation, body: BulkRequest) -> Response:
    filters = body.filter.filters()
    if body.dry_run:
        with transaction() as session:
            return bulk_answer(BulkOut.of(bulk.preview(session, operation, filters)))
    action = bulk_requests.start(operation, filters, context=audit_context(body.reason))
    shown = BulkOut.of(bulk.counts_of(action), action)
    return bulk_answer(shown, status=200 if action.ended_at else 202)
