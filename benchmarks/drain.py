"""What a backlog costs Jira, and how long one worker process needs for it, batched and singly.

Run `python -m benchmarks.drain [JOBS]`; the default is ten thousand jobs. The two ways run
in turn against the same simulator and database, so that their ratio holds on a noisy machine.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from shared.database.engine import begin
from shared.jobs.create import Filling, create_jobs
from shared.jobs.job import JobDraft
from shared.logs import setup_logs
from shared.settings import Settings
from shared.states import Source
from shared.sync import leases
from tests.dsl import ingest
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from tests.support.servers import postgres, redis
from worker.runtime import Runtime, make_runtime
from worker.simulator import defaults
from worker.sync import drain

JOBS = 10_000
SINGLY = 200
"""Jobs of the side that reads one ticket a call; enough for a rate, few enough to wait for."""
SEEDED = 100
"""The first tickets of the simulator, some of them odd; every job names one of its own after."""


@dataclass(frozen=True)
class Run:
    """One way of draining: jobs filled, bulk reads made, seconds taken."""

    jobs: int
    calls: int
    seconds: float

    def line(self, name: str) -> str:
        """The run in one line."""
        read, second = self.jobs / self.calls, self.jobs / self.seconds
        return (
            f"{name:>10}: {self.jobs} jobs, {self.calls} bulk reads, "
            f"{read:.0f} jobs a read, {second:.0f} jobs a second"
        )


def main() -> None:
    """Measure and print."""
    setup_logs(level="WARNING")
    count = int(sys.argv[1]) if sys.argv[1:] else JOBS
    with (
        postgres.server() as uri,
        postgres.database(uri) as dsn,
        redis.server() as broker,
        simulated_jira(tickets=count + SEEDED) as jira,
    ):
        runtime = make_runtime(_settings(dsn, broker, jira))
        batched = _timed(runtime, jira, count=count, drain=drain.drain)
        singly = _timed(runtime, jira, count=SINGLY, drain=_one_by_one)
        runtime.close()
    print(batched.line("batched"))
    print(singly.line("one a call"))
    ratio = (batched.jobs / batched.seconds) / (singly.jobs / singly.seconds)
    fewer = (singly.calls / singly.jobs) / (batched.calls / batched.jobs)
    print(f"batched: {ratio:.1f} times as fast, with {fewer:.0f} times fewer calls")


def _settings(dsn: str, broker: str, jira: SimulatedJira) -> Settings:
    return Settings(
        DATABASE_URL=dsn.replace("+psycopg", ""),
        REDIS_URL=broker,
        JIRA_BASE_URL=jira.url,
        JIRA_EMAIL=defaults.EMAIL,
        JIRA_API_TOKEN=defaults.API_TOKEN,
        JIRA_REQUESTS_PER_MINUTE=60_000,
    )


def _one_by_one(runtime: Runtime) -> None:
    """The usual pattern: a message a task, a call a ticket."""
    with begin(runtime.engine) as session:
        held = leases.claim(session, lease_seconds=60, limit=1)
    key = held[0].ticket_key
    found = runtime.jira.read([key], deadline=runtime.clock.monotonic() + 20).found
    with begin(runtime.engine) as session:
        ingest(session, [(key, found[key])], source=Source.API, worker="one", claims=held)


def _timed(
    runtime: Runtime, jira: SimulatedJira, *, count: int, drain: Callable[[Runtime], object]
) -> Run:
    with begin(runtime.engine) as session:
        for number in range(count):
            key = f"PI-{SEEDED + number}"
            drafts = [JobDraft(name=f"J{number}", goal_quantity=1, jira_ticket_key=key)]
            create_jobs(session, drafts, filling=Filling())
    jira.control("DELETE", "counts")
    started = time.perf_counter()
    while _waiting(runtime):
        drain(runtime)
    seconds = time.perf_counter() - started
    return Run(count, jira.bulk_reads(), seconds)


def _waiting(runtime: Runtime) -> int:
    with begin(runtime.engine) as session:
        found = session.scalar(text("SELECT count(*) FROM sync_tasks WHERE status = 'pending'"))
    return int(found or 0)


if __name__ == "__main__":
    main()
