"""Deliveries in a worker's hands: tries, batches, leases, and who is told."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.broker.task_names import Queue
from shared.database.engine import begin
from shared.settings import Settings
from shared.states import DeliveryOutcome
from shared.webhooks import inbox
from shared.webhooks.inbox import Claimed, DeliveryResult
from tests.support.hooks import issue, payload
from tests.support.post import Post
from worker.runtime import Runtime, make_runtime
from worker.sync.sweep import sweep
from worker.webhooks.deliver import deliver


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    """A worker whose Jira does not answer: applying deliveries must not need it."""
    runtime = make_runtime(settings)
    yield runtime
    runtime.close()


@pytest.fixture
def post(engine: Engine, runtime: Runtime) -> Post:
    """The test's post office."""
    return Post(engine, runtime)


def test_a_delivery_the_database_refuses_takes_no_other_along_and_fails_after_five_tries(
    post: Post,
) -> None:
    post.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END $$"
    )
    post.execute(
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON tickets FOR EACH ROW "
        "WHEN (NEW.key = 'PI-42') EXECUTE FUNCTION refuse()"
    )
    post.job("PI-42")
    post.job("PI-43")
    bad = post.inbox.put(payload())
    good = post.inbox.put(payload(about=issue("PI-43")))
    for left in (4, 3, 2, 1, 0):
        deliver(post.runtime)
        row = post.inbox.row(bad)
        assert (row.outcome, row.tries) == ("failed" if not left else None, 5 - left)
        assert post.inbox.row(good).outcome == "filled"
        post.execute("UPDATE webhook_deliveries SET due_at = now()")
    assert "The database refuses it" in (post.inbox.row(bad).reason or "")


def test_a_delivery_that_keeps_killing_its_worker_is_set_aside_alone(post: Post) -> None:
    bad, good = post.inbox.put(payload()), post.inbox.put(payload())
    post.execute("UPDATE webhook_deliveries SET tries = 5 WHERE id = :id", id=bad)
    post.execute("UPDATE webhook_deliveries SET tries = 1 WHERE id = :id", id=good)
    deliver(post.runtime)
    assert post.inbox.row(bad).outcome == "failed"
    assert "stopped the worker" in (post.inbox.row(bad).reason or "")
    assert post.inbox.row(good).outcome == "unlinked"


def test_a_claimed_delivery_comes_back_when_its_worker_is_gone(post: Post) -> None:
    delivery_id = post.inbox.put()
    with begin(post.engine) as session:
        assert [c.delivery_id for c in inbox.claim(session, lease_seconds=0)] == [delivery_id]
    deliver(post.runtime)
    row = post.inbox.row(delivery_id)
    assert (row.outcome, row.tries) == ("unlinked", 2)


def ended(claimed: Claimed, reason: str = "done") -> DeliveryResult:
    """A result for a claimed delivery."""
    return DeliveryResult(claimed=claimed, outcome=DeliveryOutcome.NOTED, reason=reason)


def settle_and_replay(session: Session, claimed: Claimed) -> None:
    """The delivery was applied, and an operator has it applied once more."""
    assert inbox.settle(session, [ended(claimed)]) == 1
    inbox.replay(session, claimed.delivery_id)


HANDED_ON = {
    "the lease ran out": lambda _session, _claimed: None,
    "it was put off": lambda s, c: inbox.postpone(s, c, reason="not yet", delay=-1),
    "it is tried again": lambda s, c: inbox.try_again(s, c, reason="refused", delay=-1),
    "it was settled and replayed": settle_and_replay,
}
STALE_WRITES = {
    "settle": lambda s, c: inbox.settle(s, [ended(c, "too late")]),
    "wait": lambda s, c: inbox.postpone(s, c, reason="too late", delay=99),
    "try again": lambda s, c: inbox.try_again(s, c, reason="too late", delay=99),
}


@pytest.mark.parametrize("write", STALE_WRITES.values(), ids=STALE_WRITES)
@pytest.mark.parametrize("hand_on", HANDED_ON.values(), ids=HANDED_ON)
def test_a_worker_whose_claim_has_passed_to_another_cannot_change_the_delivery(
    post: Post,
    hand_on: Callable[[Session, Claimed], None],
    write: Callable[[Session, Claimed], object],
) -> None:
    delivery_id = post.inbox.put()
    with begin(post.engine) as session:
        (first,) = inbox.claim(session, lease_seconds=-1)
    with begin(post.engine) as session:
        hand_on(session, first)
    with begin(post.engine) as session:
        claims = inbox.claim(session, lease_seconds=60)
        (second,) = claims or inbox.claim_quarantined(session, lease_seconds=60)
    before = post.inbox.row(delivery_id)
    with begin(post.engine) as session:
        write(session, first)
    after = post.inbox.row(delivery_id)
    assert (after.outcome, after.reason, after.tries, after.due_at) == (
        (before.outcome, before.reason, before.tries, before.due_at)
    )
    with begin(post.engine) as session:
        assert inbox.settle(session, [ended(second)]) == 1
    assert post.inbox.row(delivery_id).reason == "done"


def test_large_bodies_are_claimed_a_few_at_a_time(post: Post) -> None:
    body = payload(comment={"body": "x" * 3_000_000})
    ids = [post.inbox.put(body) for _ in range(3)]
    with begin(post.engine) as session:
        assert [c.delivery_id for c in inbox.claim(session, lease_seconds=9)] == ids[:2]
    with begin(post.engine) as session:
        assert [c.delivery_id for c in inbox.claim(session, lease_seconds=9)] == ids[2:]


def test_the_sweep_sends_a_message_for_due_deliveries(post: Post) -> None:
    waiting = f"routecard:{Queue.INTERNAL}"
    sweep(post.runtime)
    assert post.runtime.redis.llen(waiting) == 0
    post.inbox.put()
    sweep(post.runtime)
    assert "routecard.deliver" in post.runtime.redis.lindex(waiting, 0)
