"""Kill -9, broker down, Jira down: when the fault ends, every job is filled once."""

import itertools
import os
import signal

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from tests.dsl import make_job, task_counts
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.processes import Parts
from tests.support.servers.redis import Broker
from tests.support.waiting import eventually

KEYS = [f"PI-{n}" for n in range(100, 1001)]  # the seed hides some of the first hundred


def create_one_by_one(engine: Engine, count: int) -> None:
    """Jobs on different tickets, each in its own transaction, without a wake-up."""
    for key in itertools.islice(KEYS, count):
        make_job(engine, key)


def filled_exactly_once(engine: Engine, count: int) -> bool:
    """Every job is filled, each task by exactly one attempt."""
    assert task_counts(engine) == {"filled": count}
    with begin(engine) as session:
        rows = session.execute(
            text(
                "SELECT count(*) FROM sync_attempts WHERE outcome = 'filled' "
                "UNION ALL SELECT count(*) FROM jobs WHERE jira_filled_at IS NOT NULL"
            )
        )
        assert [row.count for row in rows] == [count, count]
    return True


def test_workers_killed_in_the_middle_lose_nothing_and_double_nothing(
    engine: Engine, routecard: Parts, jira: SimulatedJira
) -> None:
    create_one_by_one(engine, 300)
    jira.fault("slow", match="POST /rest/api/*/issue/bulkfetch", delay=0.7)
    routecard.start("worker")
    routecard.start("beat")
    for _ in range(2):
        eventually(lambda: task_counts(engine).get("running"), within=30)
        routecard.kill("worker")
        routecard.start("worker")
    eventually(lambda: filled_exactly_once(engine, 300), within=60)


def test_a_killed_pool_process_is_replaced_and_its_batch_is_done_by_another(
    engine: Engine, routecard: Parts, jira: SimulatedJira
) -> None:
    create_one_by_one(engine, 100)
    jira.fault("slow", match="POST /rest/api/*/issue/bulkfetch", delay=0.8, times=1)
    routecard.start("worker")
    routecard.start("beat")
    eventually(lambda: task_counts(engine).get("running"), within=30)
    for process in routecard.pool_processes():
        os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: filled_exactly_once(engine, 100), within=60)


@pytest.mark.long
def test_after_the_broker_is_back_all_waiting_jobs_are_filled_within_30_seconds(
    engine: Engine, routecard: Parts, broker: Broker
) -> None:
    routecard.start("worker")
    routecard.start("beat")
    create_one_by_one(engine, 1)
    eventually(lambda: filled_exactly_once(engine, 1), within=30)
    broker.stop()
    create_one_by_one(engine, 200)
    with begin(engine) as session:
        session.execute(text("SELECT pg_sleep(12)"))
    broker.start()
    eventually(lambda: task_counts(engine) == {"filled": 201}, within=30)


def test_a_flushed_broker_costs_a_second_or_two(
    engine: Engine, routecard: Parts, broker: Broker
) -> None:
    routecard.start("worker")
    routecard.start("beat")
    create_one_by_one(engine, 1)
    eventually(lambda: filled_exactly_once(engine, 1), within=30)
    create_one_by_one(engine, 100)
    broker.stop()
    broker.start()
    eventually(lambda: task_counts(engine) == {"filled": 101}, within=30)


def test_a_hanging_jira_starves_neither_the_sweep_nor_a_stop(
    engine: Engine, routecard: Parts, jira: SimulatedJira
) -> None:
    jira.fault("hang", delay=20)
    create_one_by_one(engine, 300)
    routecard.start("worker")
    routecard.start("beat")
    eventually(lambda: task_counts(engine).get("running"), within=30)
    with begin(engine) as session:
        session.execute(
            text(
                "INSERT INTO sync_tasks (id, job_id, ticket_key, status, lease_until, claimed_at) "
                "VALUES ('sync_lost', 'job_lost', 'PI-1', 'running', now(), now())"
            )
        )

    def taken_back() -> bool:
        with begin(engine) as session:
            found = session.scalar(text("SELECT crashes FROM sync_tasks WHERE id = 'sync_lost'"))
        return found == 1

    eventually(taken_back, within=5)
    routecard.stop("worker")
