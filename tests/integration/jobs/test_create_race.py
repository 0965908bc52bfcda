"""The create race: webhook, job and drain in any order fill each job exactly once."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from shared.database.engine import begin, in_transaction
from shared.fill.snapshots import lock_jobs
from shared.models import SyncAttempt, SyncTask
from shared.states import Source
from shared.sync import leases
from tests.dsl import create_job, draft, ingest, ticket
from tests.support.jira.hooks import Inbox, issue, payload
from tests.support.jira.simulated import SimulatedJira
from tests.support.races import in_the_way, queued
from worker.runtime import Runtime, make_runtime
from worker.sync.drain import drain
from worker.webhooks.deliver import deliver

KEY = "PI-142"


def create_on_key(session: Session) -> str:
    """A job on the ticket."""
    job, _ = create_job(session, draft(jira_ticket_key=KEY))
    return job.id


def tasks(engine: Engine) -> list[tuple[str, str | None, int]]:
    """Status, source and attempts of every task, and one filling attempt of each that is filled."""
    with begin(engine) as session:
        found = session.scalars(select(SyncTask).order_by(SyncTask.id)).all()
        fills = session.scalars(
            select(SyncAttempt.task_id).where(SyncAttempt.outcome == "filled")
        ).all()
    assert sorted(fills) == sorted(task.id for task in found if task.status == "filled")
    return [(task.status, task.source, task.attempts) for task in found]


def arrive(engine: Engine, jira: SimulatedJira) -> str:
    """Jira's webhook about the ticket, signed."""
    issue_id = str(jira.simulator.store.get(KEY).id)
    return Inbox(engine).put(payload(about=issue(KEY, issue_id=issue_id)))


def test_a_webhook_before_its_job_leaves_the_job_to_the_read(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    delivery_id = arrive(engine, jira)
    deliver(runtime)
    assert Inbox(engine).row(delivery_id).outcome == "unlinked"
    in_transaction(engine, create_on_key)
    drain(runtime)
    assert tasks(engine) == [("filled", "api", 1)]


def test_a_webhook_after_its_job_saves_the_read(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    in_transaction(engine, create_on_key)
    arrive(engine, jira)
    deliver(runtime)
    assert drain(runtime) == 0
    assert tasks(engine) == [("filled", "webhook", 1)]
    assert jira.bulk_reads() == 0


def test_a_job_that_is_not_committed_yet_when_its_webhook_is_applied_is_read(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    delivery_id = arrive(engine, jira)
    with in_the_way(engine, create_on_key):
        deliver(runtime)
        assert Inbox(engine).row(delivery_id).outcome == "unlinked"
    drain(runtime)
    assert tasks(engine) == [("filled", "api", 1)]


@pytest.mark.parametrize("first", [Source.WEBHOOK, Source.API])
def test_webhook_and_drain_that_settle_at_once_fill_once(engine: Engine, first: Source) -> None:
    job_ids = [in_transaction(engine, create_on_key) for _ in range(3)]
    with begin(engine) as session:
        held = leases.claim(session, lease_seconds=60)

    def settle(session: Session, source: Source) -> int:
        mine = held if source is Source.API else []
        return ingest(session, [(KEY, ticket(KEY))], source=source, worker="w", claims=mine)

    second = Source.API if first is Source.WEBHOOK else Source.WEBHOOK
    counts = queued(
        engine,
        lambda session: lock_jobs(session, job_ids),
        partial(settle, source=first),
        partial(settle, source=second),
    )
    assert counts == [3, 0]
    assert [status for status, _, _ in tasks(engine)] == ["filled"] * 3


def test_many_jobs_and_webhooks_of_one_ticket_at_once_are_each_filled_once(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    others = [make_runtime(runtime.settings) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(in_transaction, engine, create_on_key) for _ in range(20)]
        work += [pool.submit(arrive, engine, jira) for _ in range(10)]
        work += [pool.submit(deliver, one) for one in others]
        work += [pool.submit(drain, runtime)]
        for one in work:
            one.result()
    deliver(runtime)
    while drain(runtime):
        pass
    for one in others:
        one.close()
    assert [status for status, _, _ in tasks(engine)] == ["filled"] * 20
    with begin(engine) as session:
        filled = session.scalar(text("SELECT count(*) FROM jobs WHERE version = 2"))
    assert filled == 20
