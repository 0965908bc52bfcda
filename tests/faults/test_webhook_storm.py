"""A storm of webhooks while jobs are created and the worker is killed: nothing lost or doubled.

The larger trial is the one of the requirements: 5 000 signed deliveries, a fifth of them duplicates
and a fifth out of order, twenty at a time.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from shared.database.engine import begin
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.processes import Parts, parts
from tests.support.waiting import eventually
from worker.dev.valkey import free_port

SECRET = "the secret of the storm"
TICKETS = [f"PI-{n}" for n in range(201, 501)]
JOBS_EACH = 2


@pytest.fixture
def url(
    environment: dict[str, str], jira: SimulatedJira, tmp_path: Path
) -> Iterator[tuple[str, Parts]]:
    """All parts of Routecard, and a Jira that sends them its webhooks."""
    port = free_port()
    settings = {
        "ROUTECARD_PORT": str(port),
        "JIRA_WEBHOOK_SECRET": SECRET,
        "JIRA_POLL_SECONDS": "0",
    }
    address = f"http://127.0.0.1:{port}"
    with parts({**environment, **settings}, tmp_path) as running:
        for part in ("api", "worker", "beat"):
            running.start(part)
        eventually(lambda: ready(address), within=60)
        hook = {"url": f"{address}/api/webhooks/jira", "secret": SECRET}
        jira.control("POST", "webhooks", hook)
        yield address, running
        jira.control("DELETE", "webhooks")


def ready(address: str) -> bool:
    """Whether the API answers and no part is missing."""
    try:
        answer = requests.get(f"{address}/readyz", timeout=5)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200


def create_jobs(address: str) -> list[int]:
    """Create a job over HTTP on every ticket, one after another; returns the statuses."""
    with requests.Session() as session:
        return [
            session.post(
                f"{address}/api/jobs",
                json={"name": f"JOB {key}", "goalQuantity": 1, "jiraTicketKey": key},
                timeout=30,
            ).status_code
            for _ in range(JOBS_EACH)
            for key in TICKETS
        ]


def row(engine: Engine, statement: str) -> Any:
    """One row of the database."""
    with begin(engine) as session:
        return session.execute(text(statement)).one()


def applied(engine: Engine, least: int) -> bool:
    """Whether so many deliveries have been applied."""
    return bool(
        row(engine, "SELECT count(*) FROM webhook_deliveries WHERE outcome IS NOT NULL")[0] >= least
    )


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("deliveries", [500, 5000])
def test_a_storm_of_webhooks_fills_every_job_once_though_the_worker_is_killed_twice(
    engine: Engine, jira: SimulatedJira, url: tuple[str, Parts], deliveries: int
) -> None:
    address, running = url
    began = time.monotonic()
    storm = {"deliveries": deliveries, "duplicates": 0.2, "reorder": 0.2, "keys": TICKETS}
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(create_jobs, address)
        announced = jira.control("POST", "webhooks/burst", storm)["events"]
        for share in (0.1, 0.4):
            eventually(lambda share=share: applied(engine, int(announced * share)), within=120)  # type: ignore[misc]  # the loop's value, bound
            running.kill("worker")
            running.start("worker")
        assert set(creating.result()) == {201}

    sent = eventually(lambda: all_sent(jira, deliveries), within=180)
    received = time.monotonic() - began
    eventually(lambda: nothing_waits(engine), within=90)
    print(  # noqa: T201  the figure of the trial
        f"{deliveries} deliveries received in {received:.1f} s, "
        f"all applied after {time.monotonic() - began:.1f} s, statuses {sent}"
    )

    duplicates = deliveries - announced
    assert sent == {"202": announced, "200": duplicates}
    jobs = len(TICKETS) * JOBS_EACH
    assert tuple(row(engine, DELIVERIES)) == (announced, duplicates, 0)
    assert tuple(row(engine, JOBS)) == (jobs, jobs, jobs, jobs)


DELIVERIES = """
SELECT count(*), CAST(sum(duplicates) AS bigint), count(*) FILTER (WHERE outcome = 'failed')
FROM webhook_deliveries WHERE outcome IS NOT NULL AND reason <> ''
"""
JOBS = """
SELECT count(*), count(*) FILTER (WHERE j.jira_filled_at IS NOT NULL AND j.version = 2),
    count(*) FILTER (WHERE t.status = 'filled'),
    (SELECT count(*) FROM sync_attempts WHERE outcome = 'filled')
FROM jobs j JOIN sync_tasks t ON t.job_id = j.id
"""


def all_sent(jira: SimulatedJira, deliveries: int) -> dict[str, int] | None:
    """The answers to Jira's requests, after all were answered."""
    summary = jira.control("GET", "webhooks/deliveries?limit=0")["summary"]
    answered: dict[str, int] = summary["statuses"]
    return answered if sum(answered.values()) >= deliveries else None


def nothing_waits(engine: Engine) -> bool:
    """Every delivery has an outcome, and every task is filled."""
    waiting = row(
        engine,
        "SELECT (SELECT count(*) FROM webhook_deliveries WHERE outcome IS NULL), "
        "(SELECT count(*) FROM sync_tasks WHERE status <> 'filled')",
    )
    assert tuple(waiting) == (0, 0)
    return True
