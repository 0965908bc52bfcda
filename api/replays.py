"""Replay of all deliveries that match: in short transactions, written down once, rung for."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from api import runtime
from shared import audit, delivery_views, inbox
from shared.audit import AuditAction, Deed
from shared.broker import Bell
from shared.delivery_views import DeliveryFilter

BITE = 1000
"""Deliveries that one transaction of a replay of all makes due."""


def replay_one(delivery_id: str, *, deed: Deed) -> None:
    """Apply a delivery once more. Raises NotFoundError, or ConflictError with the reason."""

    def work(session: Session) -> None:
        inbox.replay(session, delivery_id)
        audit.write(session, AuditAction.REPLAY, deed, subject=delivery_id)

    runtime.in_transaction(work)
    runtime.runtime().doorbell.ring(Bell.INBOX)


def replay_all(wanted: DeliveryFilter, *, deed: Deed, chosen: Mapping[str, Any]) -> int:
    """Make all that match due again, newest first; returns how many.

    One that is applied meanwhile is not met again. ``chosen`` is the filter as the audit keeps it.
    """
    number = runtime.in_transaction(
        lambda session: audit.begin(session, AuditAction.REPLAY, deed, chosen=chosen)
    )
    total, before = 0, None
    while True:
        ids, total = runtime.in_transaction(
            partial(_bite, wanted=wanted, before=before, number=number, so_far=total)
        )
        runtime.runtime().doorbell.ring(Bell.INBOX)
        if len(ids) < BITE:
            break
        before = ids[-1]
    ended = {"replayed": total}
    runtime.in_transaction(
        lambda session: audit.progress(session, number, counts=ended, ended=True)
    )
    return total


def _bite(
    session: Session, *, wanted: DeliveryFilter, before: str | None, number: int, so_far: int
) -> tuple[list[str], int]:
    ids = delivery_views.replayable(session, wanted, limit=BITE, before=before)
    total = so_far + inbox.replay_these(session, ids)
    audit.progress(session, number, counts={"replayed": total})
    return ids, total
