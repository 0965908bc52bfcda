"""Deliver: claim what webhooks brought, apply it, and write down what became of it."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DataError, IntegrityError, InternalError, OperationalError
from sqlalchemy.orm import Session

from shared.broker.task_names import TaskName
from shared.broker.wakeups import Wakeup
from shared.database.engine import in_transaction
from shared.errors import DatabaseUnavailableError
from shared.logs import get_logger
from shared.states import DeliveryOutcome
from shared.webhooks import inbox
from shared.webhooks.inbox import MOST_TRIES, Claimed, DeliveryResult
from worker.runtime import Runtime
from worker.webhooks.apply import BatchResults, judge
from worker.webhooks.classify import ClassifiedDelivery, classify
from worker.webhooks.field_map import known_mapping

log = get_logger(__name__)

T = TypeVar("T")

_REFUSED_VALUES = (DataError, IntegrityError, InternalError)
"""How PostgreSQL refuses a value; anything else it says is not about a delivery."""

LEASE_SECONDS = 20.0
"""How long a worker may hold deliveries; who dies gives them back after that."""
RUN_SECONDS = 10.0
"""After so long a run has another message sent and ends, so that others get their turn."""
BACKOFF_SECONDS = (2.0, 10.0, 30.0, 60.0)
"""Between the tries of a delivery that the database refuses."""


def deliver(runtime: Runtime) -> int:
    """Apply all deliveries that are due. Returns how many. Never asks Jira, never waits for it."""
    runtime.messages.clear(Wakeup.DELIVERIES)
    until = runtime.clock.monotonic() + RUN_SECONDS
    done = 0
    while runtime.clock.monotonic() < until:
        applied = _round(runtime)
        if not applied:
            return done
        done += applied
    runtime.messages.send(TaskName.DELIVER)
    return done


def _round(runtime: Runtime) -> int:
    """One batch of new deliveries, and one that was tried before, alone."""
    batch = in_transaction(runtime.engine, lambda s: inbox.claim(s, lease_seconds=LEASE_SECONDS))
    _apply(runtime, batch)
    buried = in_transaction(runtime.engine, inbox.dead_letter)
    for delivery_id in buried:
        log.error("delivery_buried", delivery_id=delivery_id)
    quarantined = in_transaction(
        runtime.engine, lambda s: inbox.claim_quarantined(s, lease_seconds=LEASE_SECONDS)
    )
    _apply(runtime, quarantined)
    return len(batch) + len(quarantined)


def _apply(runtime: Runtime, batch: list[Claimed]) -> None:
    """All in one transaction; if the database refuses that, each in one of its own."""
    if not batch:
        return
    mapping = known_mapping(runtime)
    notices = [classify(claimed, mapping) for claimed in batch]
    try:
        _judge(runtime, notices)
    except _REFUSED_VALUES as error:
        log.warning("deliveries_refused", deliveries=len(batch), error=type(error).__name__)
        for notice in notices:
            _judge_alone(runtime, notice)


def _judge_alone(runtime: Runtime, notice: ClassifiedDelivery) -> None:
    try:
        _judge(runtime, [notice])
    except _REFUSED_VALUES as error:
        _failed(runtime, notice, f"The database refuses it ({type(error).__name__}).")


def _judge(runtime: Runtime, notices: list[ClassifiedDelivery]) -> None:
    judgement = _patiently(runtime, lambda s: _settle(s, runtime, notices))
    if judgement.due:
        runtime.messages.notify(Wakeup.TASKS)
    for verdict in judgement.verdicts:
        log.info(
            "delivery_applied",
            delivery_id=verdict.claimed.delivery_id,
            request_id=verdict.claimed.request_id,
            ticket_key=verdict.ticket_key,
            outcome=verdict.outcome.value,
        )


def _settle(session: Session, runtime: Runtime, notices: list[ClassifiedDelivery]) -> BatchResults:
    judgement = judge(session, notices, worker=runtime.worker)
    inbox.settle(session, judgement.verdicts)
    for notice, delay in judgement.waiting:
        inbox.wait(session, notice.claimed, reason=notice.note, delay=delay)
    return judgement


def _failed(runtime: Runtime, notice: ClassifiedDelivery, reason: str) -> None:
    claimed = notice.claimed
    log.warning("delivery_failed", delivery_id=claimed.delivery_id, tries=claimed.tries)
    if claimed.tries >= MOST_TRIES:
        end = DeliveryResult(
            claimed=claimed,
            outcome=DeliveryOutcome.FAILED,
            reason=reason,
            event=notice.event,
            ticket_key=notice.key,
            issue_id=notice.issue_id,
        )
        _patiently(runtime, lambda s: inbox.settle(s, [end]))
    else:
        delay = BACKOFF_SECONDS[claimed.tries - 1]
        _patiently(runtime, lambda s: inbox.try_again(s, claimed, reason=reason, delay=delay))


def _patiently(runtime: Runtime, work: Callable[[Session], T]) -> T:
    """One transaction, again while the database is away, as long as the lease may still hold."""
    deadline = runtime.clock.monotonic() + LEASE_SECONDS / 2
    while True:
        try:
            return in_transaction(runtime.engine, work)
        except (DatabaseUnavailableError, OperationalError):
            if runtime.clock.monotonic() > deadline:
                raise
            time.sleep(0.5)
