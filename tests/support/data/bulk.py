"""Bulk actions from their beginning to their end, in this process."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from shared.accounts.audit import AuditContext
from shared.actions import bulk
from shared.actions.bulk import Lease
from shared.actions.counts import Counts
from shared.clock import SystemClock
from shared.database.engine import begin, in_transaction
from shared.models import BulkAction
from shared.states import Operation


def start(engine: Engine, operation: Operation, filters: Any, *, context: AuditContext) -> Lease:
    """Begin an action, and leave it there."""
    return in_transaction(engine, lambda s: bulk.begin(s, operation, filters, context=context))


def work(
    engine: Engine, lease: Lease, *, after_batch: Callable[[], None] = lambda: None
) -> BulkAction:
    """Work on an action as long as the lease allows; the action after that."""
    bulk.work_through(
        engine, lease, clock=SystemClock(), seconds=float("inf"), after_batch=after_batch
    )
    return read(engine, lease)


def read(engine: Engine, lease: Lease) -> BulkAction:
    """How far the action is."""
    with begin(engine) as session:
        return session.get_one(BulkAction, lease.action_id)


def act_on_all(
    engine: Engine,
    operation: Operation,
    filters: Any,
    *,
    context: AuditContext,
    after_batch: Callable[[], None] = lambda: None,
) -> Counts:
    """The counts of an action that was done to its end."""
    lease = start(engine, operation, filters, context=context)
    return bulk.counts_of(work(engine, lease, after_batch=after_batch))


def preview(engine: Engine, operation: Operation, filters: Any) -> Counts:
    """The counts of a dry run."""
    return in_transaction(engine, lambda s: bulk.preview(s, operation, filters))
