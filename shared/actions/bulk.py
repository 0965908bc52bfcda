"""Bulk actions: begin one, work through it in short transactions, end it once.

The row of an action says how far it is. The process that holds its lease changes the next batch of
items and moves the row on in the same transaction. If that process dies, its lease expires and
another one continues after the last batch that was committed.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pydantic import TypeAdapter
from sqlalchemy import Engine, Interval, func, select
from sqlalchemy.orm import Session

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.actions.counts import Counts
from shared.actions.deliveries import DeliveryWork
from shared.actions.tasks import TaskWork
from shared.clock import Clock
from shared.database.engine import begin as begin_transaction
from shared.database.engine import in_transaction
from shared.ids import Prefix, new_id
from shared.logs import get_logger
from shared.models import BulkAction
from shared.states import BulkStatus, Operation

log = get_logger(__name__)

BATCH_SIZE = 500
"""Items that one transaction changes."""
PAGE_SIZE = 5000
"""Ids that are looked up at once."""
LEASE_SECONDS = 10.0
"""A lease is renewed by each batch, and a batch holds its row: no long statement loses it."""
PROGRESS_SECONDS = 1.0
"""How often a command that works to the end learns how far it is."""
MAX_COUNTED = 100_000
"""How far an action counts its deliveries before it begins; what it does is counted exactly."""
MAX_TRIES = 5
"""An action is given up when so many holders in a row ended before they had done one batch."""


class Work(Protocol):
    """What a bulk action does to its items: ``TaskWork`` or ``DeliveryWork``."""

    @property
    def filter_type(self) -> type[Any]: ...

    def newest(self, session: Session) -> str: ...

    def preview(self, session: Session, filters: Any, *, most: int | None = None) -> Counts: ...

    def candidates(
        self, session: Session, filters: Any, *, after: str, upto: str, limit: int
    ) -> list[str]: ...

    def apply(self, session: Session, ids: Sequence[str], context: AuditContext) -> Counts: ...


_WORK: dict[Operation, Work] = {
    Operation.RETRY: TaskWork(Operation.RETRY),
    Operation.CANCEL: TaskWork(Operation.CANCEL),
    Operation.REPLAY: DeliveryWork(),
}


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on an action until it expires; the token proves it."""

    action_id: str
    token: int
    operation: Operation


def preview(
    session: Session, operation: Operation, filters: Any, *, most: int | None = None
) -> Counts:
    """What an action would do now. ``filters``: a TaskFilter, or a DeliveryFilter for a replay.

    With ``most``, deliveries are counted no further than that; tasks are always counted.
    """
    return _WORK[operation].preview(session, filters, most=most)


def begin(session: Session, operation: Operation, filters: Any, *, context: AuditContext) -> Lease:
    """Write down an action on all that match now, together with its audit event."""
    work = _WORK[operation]
    newest, counts = work.newest(session), work.preview(session, filters, most=MAX_COUNTED)
    chosen = _adapter(work).dump_python(filters, mode="json", exclude_defaults=True)
    action = BulkAction(
        id=new_id(Prefix.BULK),
        operation=operation.value,
        filter=chosen,
        audit_id=audit.begin(session, AuditAction(operation), context, filters=chosen),
        upto=newest,
        matched=counts.matched,
        skipped=dict(counts.skipped),
        lease_token=1,
        lease_until=_lease_end(),
    )
    session.add(action)
    session.flush()
    return Lease(action.id, 1, operation)


def claim(session: Session, *, action_id: str | None = None) -> Lease | None:
    """Take an unfinished action that no process works on: this one, or the one left longest."""
    free = select(BulkAction).where(
        BulkAction.ended_at.is_(None), BulkAction.lease_until <= func.now()
    )
    if action_id is not None:
        free = free.where(BulkAction.id == action_id)
    oldest = free.order_by(BulkAction.lease_until).limit(1)
    action = session.scalar(oldest.with_for_update(skip_locked=True))
    if action is None:
        return None
    if action.tries >= MAX_TRIES:
        log.error("bulk_action_failed", action_id=action.id, tries=action.tries)
        _end(session, action, BulkStatus.FAILED)
        return None
    action.tries += 1
    action.lease_token += 1
    action.lease_until = _lease_end()
    return Lease(action.id, action.lease_token, Operation(action.operation))


def release(session: Session, lease: Lease) -> None:
    """Let another process continue at once."""
    if (action := _leased(session, lease)) is not None:
        action.lease_until = func.now()


def is_due(session: Session) -> bool:
    """Whether an unfinished action waits for a process."""
    waiting = select(BulkAction.id).where(
        BulkAction.ended_at.is_(None), BulkAction.lease_until <= func.now()
    )
    return session.scalar(select(waiting.exists())) or False


def work_through(
    engine: Engine,
    lease: Lease,
    *,
    clock: Clock,
    seconds: float,
    after_batch: Callable[[], None] = lambda: None,
) -> bool:
    """Change batch after batch until all is done, the lease is lost or ``seconds`` have passed.

    ``after_batch`` is called after each commit. Returns whether time ran out: then the lease is
    still held, to be released or used again.
    """
    until = clock.monotonic() + seconds
    page: list[str] | None = []
    while page is not None and clock.monotonic() < until:
        page = in_transaction(engine, partial(_next_batch, lease=lease, page=page))
        if page is not None:
            after_batch()
    return page is not None


def work_to_the_end(engine: Engine, lease: Lease, *, clock: Clock) -> Iterator[BulkAction]:
    """Work until the action ends; yields it about once a second, and last when it has ended.

    If another process has taken the lease, that one works and this one watches.
    """
    while True:
        held = work_through(engine, lease, clock=clock, seconds=PROGRESS_SECONDS)
        with begin_transaction(engine) as session:
            action = session.get_one(BulkAction, lease.action_id)
        yield action
        if action.ended_at is not None:
            return
        if not held:
            time.sleep(0.5)
            lease = in_transaction(engine, partial(claim, action_id=action.id)) or lease


def _next_batch(session: Session, *, lease: Lease, page: list[str]) -> list[str] | None:
    """Change the next items, those of ``page`` first, if any are left of it.

    Returns what is left of the page; None at the end, or if the lease is lost.
    """
    action = _leased(session, lease)
    if action is None:
        return None
    work = _WORK[lease.operation]
    ids = page or work.candidates(
        session,
        _adapter(work).validate_python(action.filter),
        after=action.cursor,
        upto=action.upto,
        limit=PAGE_SIZE,
    )
    if not ids:
        _end(session, action, BulkStatus.DONE)
        return None
    batch, left = ids[:BATCH_SIZE], ids[BATCH_SIZE:]
    _move_on(action, batch[-1], work.apply(session, batch, audit.context_of(action.audit_event)))
    return left


def _move_on(action: BulkAction, cursor: str, done: Counts) -> None:
    action.cursor = cursor
    action.changed += done.changed
    action.skipped = dict(Counter(action.skipped) + done.skipped)
    # More than were counted at the beginning, if those were counted no further than a limit.
    action.matched = max(action.matched, action.changed + sum(action.skipped.values()))
    action.tries = 0
    action.lease_until = _lease_end()
    action.updated_at = func.now()


def _end(session: Session, action: BulkAction, status: BulkStatus) -> None:
    action.status = status.value
    action.ended_at = action.updated_at = func.now()
    counts = audit_counts(action)
    if status is BulkStatus.FAILED:
        counts["error"] = f"stopped: {MAX_TRIES} processes ended at the same place"
    audit.end(session, action.audit_id, counts=counts)


def counts_of(action: BulkAction) -> Counts:
    """How far an action is."""
    counts = Counts(action.changed, Counter(action.skipped))
    if action.status != BulkStatus.DONE:
        counts.left = max(0, action.matched - counts.matched)
    return counts


def audit_counts(action: BulkAction) -> dict[str, Any]:
    """The counts of an action as its audit event keeps them."""
    if action.operation == Operation.REPLAY:
        return {"replayed": action.changed}
    return counts_of(action).as_json()


def _leased(session: Session, lease: Lease) -> BulkAction | None:
    """The action, locked, if the lease still holds it."""
    held = select(BulkAction).where(
        BulkAction.id == lease.action_id,
        BulkAction.lease_token == lease.token,
        BulkAction.ended_at.is_(None),
    )
    return session.scalar(held.with_for_update())


def _lease_end() -> Any:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, LEASE_SECONDS, type_=Interval)


def _adapter(work: Work) -> TypeAdapter[Any]:
    return TypeAdapter(work.filter_type)
