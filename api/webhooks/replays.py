"""Replay of all deliveries that match: in short transactions, written down once, rung for."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from api.runtime import current_runtime, in_transaction
from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.broker.wakeups import Wakeup
from shared.webhooks import inbox
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryFilter

BATCH_SIZE = 1000
"""Deliveries that one transaction of a replay of all makes due."""


def replay_one(delivery_id: str, *, context: AuditContext) -> None:
    """Apply a delivery once more. Raises NotFoundError, or ConflictError with the reason."""

    def work(session: Session) -> None:
        inbox.replay(session, delivery_id)
        audit.write(session, AuditAction.REPLAY, context, subject=delivery_id)

    in_transaction(work)
    current_runtime().notifier.notify(Wakeup.DELIVERIES)


def replay_all(wanted: DeliveryFilter, *, context: AuditContext, chosen: Mapping[str, Any]) -> int:
    """Make all that match due again, newest first; returns how many.

    One that is applied meanwhile is not met again. ``chosen`` is the filter as the audit keeps it.
    """
    number = in_transaction(
        lambda session: audit.begin(session, AuditAction.REPLAY, context, chosen=chosen)
    )
    total, before = 0, None
    while True:
        ids, total = in_transaction(
            partial(_apply_batch, wanted=wanted, before=before, number=number, so_far=total)
        )
        current_runtime().notifier.notify(Wakeup.DELIVERIES)
        if len(ids) < BATCH_SIZE:
            break
        before = ids[-1]
    ended = {"replayed": total}
    in_transaction(lambda session: audit.progress(session, number, counts=ended, ended=True))
    return total


def _apply_batch(
    session: Session, *, wanted: DeliveryFilter, before: str | None, number: int, so_far: int
) -> tuple[list[str], int]:
    ids = delivery_queries.replayable(session, wanted, limit=BATCH_SIZE, before=before)
    total = so_far + inbox.replay_these(session, ids)
    audit.progress(session, number, counts={"replayed": total})
    return ids, total
