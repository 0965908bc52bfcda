"""Bulk actions: batches that move the counts, holders that die, and one end."""

import threading

import pytest
from sqlalchemy import Engine, text

from shared.accounts.audit import AuditContext
from shared.accounts.credentials import Actor
from shared.actions import bulk
from shared.actions.bulk import BATCH_SIZE, MAX_TRIES, Lease
from shared.clock import SystemClock
from shared.database.engine import begin, in_transaction
from shared.models import AuditEvent, BulkAction
from shared.states import ActorKind, FailureCode, Operation
from shared.sync.queries import EVERYTHING, TaskFilter
from shared.webhooks.queries import DeliveryFilter, DeliveryState
from tests.dsl import make_failed_tasks, make_task, task_status
from tests.support.data.bulk import act_on_all, read, start, work
from tests.support.jira.hooks import Inbox
from worker.bulk_actions.run import run_bulk_action
from worker.runtime import Runtime
from worker.sync.sweep import sweep

CONTEXT = AuditContext(actor=Actor(ActorKind.TOKEN, "on-call"), reason="rights given")


class Killed(BaseException):
    """The process ends here, without a chance to clean up."""


def kill() -> None:
    raise Killed


def retry_until_killed(engine: Engine) -> Lease:
    """A retry of all whose process died after its first batch."""
    lease = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    with pytest.raises(Killed):
        work(engine, lease, after_batch=kill)
    return lease


def expire_leases(engine: Engine) -> None:
    """As if the holders had been silent for long."""
    with begin(engine) as session:
        session.execute(text("UPDATE bulk_actions SET lease_until = now() - interval '1 second'"))


def claim(engine: Engine) -> Lease | None:
    return in_transaction(engine, bulk.claim)


def event(engine: Engine) -> AuditEvent:
    """The one audit event there is."""
    with begin(engine) as session:
        return session.query(AuditEvent).one()


def pending(engine: Engine) -> int:
    with begin(engine) as session:
        return session.scalar(text("SELECT count(*) FROM sync_tasks WHERE status='pending'")) or 0


def test_ten_thousand_are_retried_in_short_transactions_with_counts_that_grow(
    engine: Engine,
) -> None:
    make_failed_tasks(engine, 12_000)
    seen: list[int] = []
    wanted = TaskFilter(error_code=FailureCode.TICKET_NOT_FOUND)
    lease = start(engine, Operation.RETRY, wanted, context=CONTEXT)

    def look() -> None:
        action = read(engine, lease)
        assert (action.ended_at, event(engine).ended_at) == (None, None)
        assert bulk.counts_of(action).matched == 12_000
        seen.append(action.changed)

    action = work(engine, lease, after_batch=look)
    assert bulk.counts_of(action).as_json() == {"matched": 12_000, "changed": 12_000, "skipped": {}}
    assert seen == [BATCH_SIZE * n for n in range(1, 25)]
    assert (action.status, action.ended_at) == ("done", event(engine).ended_at)
    assert pending(engine) == 12_000


def test_what_is_interrupted_leaves_its_true_counts_and_no_end(engine: Engine) -> None:
    make_failed_tasks(engine, BATCH_SIZE * 2)
    lease = retry_until_killed(engine)
    action = read(engine, lease)
    assert event(engine).ended_at is None
    assert action.changed == BATCH_SIZE == pending(engine)
    assert bulk.counts_of(action).left == BATCH_SIZE


def test_another_worker_continues_once_the_lease_has_expired_and_the_audit_ends_once(
    engine: Engine, runtime: Runtime
) -> None:
    make_failed_tasks(engine, BATCH_SIZE * 3)
    lease = retry_until_killed(engine)
    assert run_bulk_action(runtime) is None
    expire_leases(engine)
    assert run_bulk_action(runtime) == lease.action_id
    assert run_bulk_action(runtime) is None
    action, ended = read(engine, lease), event(engine)
    assert (action.status, action.changed) == ("done", BATCH_SIZE * 3)
    assert ended.counts == {"matched": 1500, "changed": 1500, "skipped": {}}
    assert (ended.ended_at, ended.reason) == (action.ended_at, "rights given")
    with begin(engine) as session:
        tokens = set(session.scalars(text("SELECT lease_token FROM sync_tasks")))
    assert tokens == {1}, "each task was retried once"


def test_a_holder_that_lost_its_lease_changes_nothing_more(engine: Engine) -> None:
    make_failed_tasks(engine, BATCH_SIZE)
    stale = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    expire_leases(engine)
    assert claim(engine) is not None
    assert (work(engine, stale).changed, pending(engine)) == (0, 0)
    in_transaction(engine, lambda s: bulk.release(s, stale))
    assert claim(engine) is None, "a stale holder releases nothing either"


def test_two_workers_at_once_do_not_double(engine: Engine, runtime: Runtime) -> None:
    make_failed_tasks(engine, BATCH_SIZE * 6)
    lease = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    expire_leases(engine)
    threads = [threading.Thread(target=run_bulk_action, args=(runtime,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    action = read(engine, lease)
    assert (action.status, action.changed, action.lease_token) == ("done", BATCH_SIZE * 6, 2)


def test_the_sweep_finds_an_action_whose_wakeup_was_lost(engine: Engine, runtime: Runtime) -> None:
    make_task(engine, "failed")
    start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    sweep(runtime)
    assert "routecard.bulk_actions" not in _messages(runtime)
    expire_leases(engine)
    sweep(runtime)
    assert "routecard.bulk_actions" in _messages(runtime)


def _messages(runtime: Runtime) -> str:
    return str(runtime.redis.lrange("routecard:internal", 0, -1))


def test_a_released_action_is_taken_at_once_and_one_action_after_the_other(
    engine: Engine,
) -> None:
    make_task(engine, "failed")
    first, second = (start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT) for _ in range(2))
    for lease in (second, first):
        in_transaction(engine, lambda s, lease=lease: bulk.release(s, lease))
    taken = [claim(engine), claim(engine), claim(engine)]
    assert [lease and lease.action_id for lease in taken] == [
        second.action_id,
        first.action_id,
        None,
    ]


def test_an_action_that_ends_every_process_is_given_up_and_says_so(engine: Engine) -> None:
    make_failed_tasks(engine, 1)
    lease = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    for _ in range(MAX_TRIES - 1):
        expire_leases(engine)
        assert claim(engine) is not None
    expire_leases(engine)
    assert claim(engine) is None
    action, ended = read(engine, lease), event(engine)
    assert (action.status, action.ended_at) == ("failed", ended.ended_at)
    assert ended.counts is not None
    assert (ended.counts["matched"], ended.counts["changed"]) == (1, 0)
    assert "5 processes ended" in ended.counts["error"]


def test_a_batch_that_is_done_gives_the_next_one_all_its_tries(engine: Engine) -> None:
    make_failed_tasks(engine, BATCH_SIZE * 2)
    lease = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    for _ in range(MAX_TRIES - 1):
        expire_leases(engine)
        taken = claim(engine)
    assert taken is not None
    with pytest.raises(Killed):
        work(engine, taken, after_batch=kill)
    expire_leases(engine)
    taken = claim(engine)
    assert taken is not None
    assert work(engine, taken).changed == BATCH_SIZE * 2
    assert read(engine, lease).status == "done"


def test_what_comes_after_the_beginning_is_not_meant(engine: Engine) -> None:
    first = make_task(engine, "failed", key="PI-1")
    lease = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    later = make_task(engine, "failed", key="PI-2")
    assert work(engine, lease).changed == 1
    assert (task_status(engine, first), task_status(engine, later)) == ("pending", "failed")


def test_every_filter_survives_its_way_through_the_row(engine: Engine) -> None:
    make_task(engine, "failed")
    with begin(engine) as session:
        moment = session.scalar(text("SELECT now() - interval '1 hour'"))
    inbox = Inbox(engine)
    delivery = inbox.put(signed=False)
    for operation, filters, matched in (
        (Operation.CANCEL, TaskFilter(since=moment), 1),
        (Operation.CANCEL, TaskFilter(until=moment), 0),
        (Operation.REPLAY, DeliveryFilter(ids=(delivery,), signed=False, since=moment), 1),
        (Operation.REPLAY, DeliveryFilter(ids=()), 0),
        (Operation.REPLAY, DeliveryFilter(outcome=DeliveryState.WAITING), 1),
        (Operation.REPLAY, DeliveryFilter(signed=True), 0),
    ):
        lease = start(engine, operation, filters, context=CONTEXT)
        work_type = bulk._WORK[operation]
        assert bulk._adapter(work_type).validate_python(read(engine, lease).filter) == filters
        assert read(engine, lease).matched == matched, filters


def test_a_replay_of_all_counts_what_it_leaves_alone(engine: Engine) -> None:
    inbox = Inbox(engine)
    inbox.put()
    counts = act_on_all(engine, Operation.REPLAY, DeliveryFilter(), context=CONTEXT)
    assert counts.as_json() == {"matched": 1, "changed": 0, "skipped": {"waiting": 1}}
    assert event(engine).counts == {"replayed": 0}


def test_a_command_watches_while_another_process_does_its_work(engine: Engine) -> None:
    make_failed_tasks(engine, BATCH_SIZE * 2)
    stale = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    expire_leases(engine)
    taken = claim(engine)
    assert taken is not None
    seen: list[BulkAction] = []
    for action in bulk.work_to_the_end(engine, stale, clock=SystemClock()):
        seen.append(action)
        if len(seen) == 1:
            work(engine, taken)
    assert [action.changed for action in seen] == [0, BATCH_SIZE * 2]
