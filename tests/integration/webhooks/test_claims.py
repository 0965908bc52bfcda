"""Deliveries claimed by a worker: tries, batches, leases and wake-ups."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from shared.broker.task_names import Queue
from shared.database.engine import begin
from shared.states import DeliveryOutcome
from shared.webhooks import inbox
from shared.webhooks.inbox import Claimed, DeliveryResult
from tests.dsl import make_deliveries_due
from tests.support.data.delivery_driver import DeliveryDriver
from tests.support.jira.hooks import issue, payload
from worker.sync.sweep import sweep
from worker.webhooks.deliver import deliver


def test_a_delivery_the_database_refuses_takes_no_other_along_and_fails_after_five_tries(
    driver: DeliveryDriver,
) -> None:
    driver.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END $$"
    )
    driver.execute(
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON tickets FOR EACH ROW "
        "WHEN (NEW.key = 'PI-42') EXECUTE FUNCTION refuse()"
    )
    driver.job("PI-42")
    driver.job("PI-43")
    bad = driver.inbox.put(payload())
    good = driver.inbox.put(payload(about=issue("PI-43")))
    for left in (4, 3, 2, 1, 0):
        deliver(driver.runtime)
        row = driver.inbox.row(bad)
        assert (row.outcome, row.tries) == ("failed" if not left else None, 5 - left)
        assert driver.inbox.row(good).outcome == "filled"
        make_deliveries_due(driver.engine)
    assert "The database refuses it" in (driver.inbox.row(bad).reason or "")


def test_a_delivery_that_keeps_killing_its_worker_is_set_aside_alone(
    driver: DeliveryDriver,
) -> None:
    bad, good = driver.inbox.put(payload()), driver.inbox.put(payload())
    driver.execute("UPDATE webhook_deliveries SET tries = 5 WHERE id = :id", id=bad)
    driver.execute("UPDATE webhook_deliveries SET tries = 1 WHERE id = :id", id=good)
    deliver(driver.runtime)
    assert driver.inbox.row(bad).outcome == "failed"
    assert "stopped the worker" in (driver.inbox.row(bad).reason or "")
    assert driver.inbox.row(good).outcome == "unlinked"


def test_a_claimed_delivery_comes_back_when_its_worker_is_gone(driver: DeliveryDriver) -> None:
    delivery_id = driver.inbox.put()
    with begin(driver.engine) as session:
        assert [c.delivery_id for c in inbox.claim(session, lease_seconds=0)] == [delivery_id]
    deliver(driver.runtime)
    row = driver.inbox.row(delivery_id)
    assert (row.outcome, row.tries) == ("unlinked", 2)


def ended(claimed: Claimed, reason: str = "done") -> DeliveryResult:
    """A result for a claimed delivery."""
    return DeliveryResult(claimed=claimed, outcome=DeliveryOutcome.NOTED, reason=reason)


def settle_and_replay(session: Session, claimed: Claimed) -> None:
    """Settle the delivery, then replay it."""
    assert inbox.settle(session, [ended(claimed)]) == 1
    inbox.replay(session, claimed.delivery_id)


HANDED_ON = {
    "the lease ran out": lambda _session, _claimed: None,
    "it was put off": lambda s, c: inbox.postpone(s, c, reason="not yet", delay=-1),
    "it is tried again": lambda s, c: inbox.postpone(
        s, c, reason="refused", delay=-1, tries=c.tries
    ),
    "it was settled and replayed": settle_and_replay,
}
STALE_WRITES = {
    "settle": lambda s, c: inbox.settle(s, [ended(c, "too late")]),
    "wait": lambda s, c: inbox.postpone(s, c, reason="too late", delay=99),
    "try again": lambda s, c: inbox.postpone(s, c, reason="too late", delay=99, tries=c.tries),
}


@pytest.mark.parametrize("write", STALE_WRITES.values(), ids=STALE_WRITES)
@pytest.mark.parametrize("hand_on", HANDED_ON.values(), ids=HANDED_ON)
def test_a_worker_whose_claim_has_passed_to_another_cannot_change_the_delivery(
    driver: DeliveryDriver,
    hand_on: Callable[[Session, Claimed], None],
    write: Callable[[Session, Claimed], object],
) -> None:
    delivery_id = driver.inbox.put()
    with begin(driver.engine) as session:
        (first,) = inbox.claim(session, lease_seconds=-1)
    with begin(driver.engine) as session:
        hand_on(session, first)
    with begin(driver.engine) as session:
        claims = inbox.claim(session, lease_seconds=60)
        (second,) = claims or inbox.claim_quarantined(session, lease_seconds=60)
    before = driver.inbox.row(delivery_id)
    with begin(driver.engine) as session:
        write(session, first)
    after = driver.inbox.row(delivery_id)
    assert (after.outcome, after.reason, after.tries, after.due_at) == (
        (before.outcome, before.reason, before.tries, before.due_at)
    )
    with begin(driver.engine) as session:
        assert inbox.settle(session, [ended(second)]) == 1
    assert driver.inbox.row(delivery_id).reason == "done"


def test_large_bodies_are_claimed_a_few_at_a_time(driver: DeliveryDriver) -> None:
    body = payload(comment={"body": "x" * 3_000_000})
    ids = [driver.inbox.put(body) for _ in range(3)]
    with begin(driver.engine) as session:
        assert [c.delivery_id for c in inbox.claim(session, lease_seconds=9)] == ids[:2]
    with begin(driver.engine) as session:
        assert [c.delivery_id for c in inbox.claim(session, lease_seconds=9)] == ids[2:]


def test_the_sweep_sends_a_message_for_due_deliveries(driver: DeliveryDriver) -> None:
    waiting = f"routecard:{Queue.INTERNAL}"
    sweep(driver.runtime)
    assert driver.runtime.redis.llen(waiting) == 0
    driver.inbox.put()
    sweep(driver.runtime)
    assert "routecard.deliver" in driver.runtime.redis.lindex(waiting, 0)
