"""Bulk actions of a request: it works for about a second, and a worker does the rest."""

from typing import Any

from flask import Response

from api.http.responses import json_answer
from api.runtime import current_runtime, in_transaction, notify, transaction
from api.schemas.bulk_actions import BulkOut, ReplayOut
from shared.accounts.audit import AuditContext
from shared.actions import bulk
from shared.actions import queries as bulk_queries
from shared.broker.wakeups import Wakeup
from shared.errors import Kind, NotFoundError
from shared.models import BulkAction
from shared.states import Operation

ADDRESS = "/api/sync/bulk-actions"
REQUEST_SECONDS = 1.0
"""How long a request begins new batches of its action."""


def start(operation: Operation, filters: Any, *, context: AuditContext) -> BulkAction:
    """Begin an action on all that match, and work on it for ``REQUEST_SECONDS``.

    If ``ended_at`` is None then, a worker continues with it.
    """
    runtime = current_runtime()
    lease = in_transaction(lambda session: bulk.begin(session, operation, filters, context=context))
    unfinished = bulk.work_through(
        runtime.engine,
        lease,
        clock=runtime.clock,
        seconds=REQUEST_SECONDS,
        after_batch=lambda: notify(Wakeup.after(operation)),
    )
    if unfinished:
        in_transaction(lambda session: bulk.release(session, lease))
        notify(Wakeup.BULK_ACTIONS)
    return read(lease.action_id)


def bulk_answer(shown: BulkOut | ReplayOut, *, status: int = 200) -> Response:
    """The answer to a request that began an action, or that only counts."""
    headers = {"Location": f"{ADDRESS}/{shown.id}"} if shown.id else None
    return json_answer(shown, status=status, headers=headers)


def read(action_id: str) -> BulkAction:
    """How far an action is. Raises NotFoundError."""
    with transaction() as session:
        action = bulk_queries.one(session, action_id)
    if action is None:
        raise NotFoundError(Kind.BULK_ACTION, action_id)
    return action
