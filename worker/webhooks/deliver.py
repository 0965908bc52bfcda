"""Deliver: claim stored webhook deliveries, apply them, write down the outcome of each."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from shared.broker.task_names import TaskName
from shared.broker.wakeups import Wakeup
from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.settings.issue_keys import key_rules
from shared.states import DeliveryOutcome
from shared.webhooks import inbox
from shared.webhooks.inbox import MAX_TRIES, Claimed, DeliveryResult
from worker.process.database import REFUSED_VALUES, while_database_is_away
from worker.runtime import Runtime
from worker.webhooks.apply import BatchResults, apply_deliveries
from worker.webhooks.classify import ClassifiedDelivery, classify
from worker.webhooks.field_map import known_mapping

log = get_logger(__name__)

T = TypeVar("T")

LEASE_SECONDS = 20.0
RUN_SECONDS = 10.0
"""A run ends after this time and sends another message, so that other tasks get their turn."""
BACKOFF_SECONDS = (2.0, 10.0, 30.0, 60.0)
"""Between the tries of a delivery that the database refuses."""


def deliver(runtime: Runtime) -> int:
    """Apply all due deliveries. Returns how many. Makes no call to Jira."""
    runtime.messages.clear(Wakeup.DELIVERIES)
    deadline = runtime.clock.monotonic() + RUN_SECONDS
    total = 0
    while runtime.clock.monotonic() < deadline:
        applied = _deliver_once(runtime)
        if not applied:
            return total
        total += applied
    runtime.messages.send(TaskName.DELIVER)
    return total


def _deliver_once(runtime: Runtime) -> int:
    """One batch of new deliveries, then one delivery that was tried before, alone."""
    lease = LEASE_SECONDS
    batch = in_transaction(runtime.engine, lambda s: inbox.claim(s, lease_seconds=lease))
    _apply(runtime, batch)
    for delivery_id in in_transaction(runtime.engine, inbox.dead_letter):
        log.error("delivery_dead_lettered", delivery_id=delivery_id)
    quarantined = in_transaction(
        runtime.engine, lambda s: inbox.claim_quarantined(s, lease_seconds=lease)
    )
    _apply(runtime, quarantined)
    return len(batch) + len(quarantined)


def _apply(runtime: Runtime, claims: list[Claimed]) -> None:
    """Apply all in one transaction; if the database refuses a value, each in its own."""
    if not claims:
        return
    site = runtime.site.known()
    mapping = known_mapping(runtime, site.site_id)
    rules = key_rules(runtime.settings)
    deliveries = [classify(claimed, mapping, rules=rules, site=site) for claimed in claims]
    try:
        _apply_and_settle(runtime, deliveries, site.site_id)
    except REFUSED_VALUES as error:
        log.warning("deliveries_refused", deliveries=len(claims), error=type(error).__name__)
        for delivery in deliveries:
            _apply_alone(runtime, delivery, site.site_id)


def _apply_alone(runtime: Runtime, delivery: ClassifiedDelivery, site_id: int) -> None:
    try:
        _apply_and_settle(runtime, [delivery], site_id)
    except REFUSED_VALUES as error:
        _record_failure(runtime, delivery, f"The database refuses it ({type(error).__name__}).")


def _apply_and_settle(runtime: Runtime, deliveries: list[ClassifiedDelivery], site_id: int) -> None:
    results = _in_transaction(runtime, lambda s: _settle(s, runtime, deliveries, site_id))
    if results.due:
        runtime.messages.notify(Wakeup.TASKS)
    for result in results.results:
        log.info(
            "delivery_applied",
            delivery_id=result.claimed.delivery_id,
            request_id=result.claimed.request_id,
            ticket_key=result.ticket_key,
            outcome=result.outcome.value,
        )


def _settle(
    session: Session, runtime: Runtime, deliveries: list[ClassifiedDelivery], site_id: int
) -> BatchResults:
    results = apply_deliveries(session, deliveries, site_id=site_id, worker=runtime.worker)
    inbox.settle(session, results.results)
    for delivery, delay in results.postponed:
        inbox.postpone(session, delivery.claimed, reason=delivery.note, delay=delay)
    return results


def _record_failure(runtime: Runtime, delivery: ClassifiedDelivery, reason: str) -> None:
    claimed = delivery.claimed
    log.warning("delivery_failed", delivery_id=claimed.delivery_id, tries=claimed.tries)
    if claimed.tries >= MAX_TRIES:
        result = DeliveryResult(
            claimed=claimed,
            outcome=DeliveryOutcome.FAILED,
            reason=reason,
            event=delivery.event,
            ticket_key=delivery.key,
            issue_id=delivery.issue_id,
        )
        _in_transaction(runtime, lambda s: inbox.settle(s, [result]))
    else:
        tries = claimed.tries
        delay = BACKOFF_SECONDS[tries - 1]
        _in_transaction(
            runtime,
            lambda s: inbox.postpone(s, claimed, reason=reason, delay=delay, tries=tries),
        )


def _in_transaction(runtime: Runtime, work: Callable[[Session], T]) -> T:
    return while_database_is_away(
        lambda: in_transaction(runtime.engine, work),
        clock=runtime.clock,
        seconds=LEASE_SECONDS / 2,
    )
