"""A silent broker, a restarted database, a Jira that is down: nothing is lost."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
import requests
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.jobs.create import Filling, create_jobs
from tests.dsl import draft, task_counts
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from tests.support.servers import postgres
from tests.support.servers.processes import Parts, parts
from tests.support.servers.proxy import SilentProxy
from tests.support.servers.redis import Broker
from tests.support.waiting import eventually
from worker.dev.valkey import free_port

KEYS = [f"PI-{n}" for n in range(100, 1001)]  # the seed hides some of the first hundred
OUTAGE_SECONDS = 30.0
AT_ONCE = 0.5
"""Seconds that the usual create may take: less than any time-out of the broker or of Jira."""
LONGEST = 10.0
"""Seconds that each may take on a machine that is busy otherwise."""


class System:
    """The API over HTTP, and the parts behind it."""

    def __init__(self, running: Parts, url: str) -> None:
        self.parts = running
        self.url = url
        self._keys = itertools.cycle(KEYS)
        self._session = requests.Session()

    def start(self) -> None:
        """Start all parts; worker and beat are restarted when they end."""
        self.parts.start("api")
        for part in ("worker", "beat"):
            self.parts.keep(part)
        eventually(self._whole, within=60)

    def _whole(self) -> bool:
        try:
            answer = requests.get(f"{self.url}/readyz", timeout=5)
        except requests.ConnectionError:
            return False
        return answer.status_code == 200 and not answer.json().get("degraded")

    def create(self, count: int) -> list[float]:
        """Create jobs on different tickets; returns the seconds that each took."""
        return [self._create() for _ in range(count)]

    def _create(self) -> float:
        began = time.monotonic()
        body = {"name": "JOB", "goalQuantity": 1, "jiraTicketKey": next(self._keys)}
        answer = self._session.post(f"{self.url}/api/jobs", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        return time.monotonic() - began

    def create_while_it_may_fail(self, until: threading.Event) -> int:
        """Create jobs in spite of 5xx and lost connections; returns how many were created."""
        made = 0
        while not until.wait(0.02):
            body = {"name": "JOB", "goalQuantity": 1, "jiraTicketKey": next(self._keys)}
            try:
                answer = self._session.post(f"{self.url}/api/jobs", json=body, timeout=30)
            except requests.ConnectionError:
                continue
            assert answer.status_code in (201, 500, 503), answer.text
            made += answer.status_code == 201
        return made

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()


@pytest.fixture
def system(environment: dict[str, str], tmp_path: Path) -> Iterator[System]:
    """All of Routecard, nothing started yet."""
    port = free_port()
    with parts({**environment, "ROUTECARD_PORT": str(port)}, tmp_path) as running:
        system = System(running, f"http://127.0.0.1:{port}")
        yield system
        system.close()


def filled_once_and_never_failed(engine: Engine, count: int) -> bool:
    """Every job is filled by exactly one attempt, and no failure is counted."""
    assert task_counts(engine) == {"filled": count}
    with begin(engine) as session:
        filled, fills, counted = session.execute(
            text(
                "SELECT (SELECT count(*) FROM jobs WHERE jira_filled_at IS NOT NULL), "
                "(SELECT count(*) FROM sync_attempts WHERE outcome = 'filled'), "
                "(SELECT sum(failures + crashes) FROM sync_tasks)"
            )
        ).one()
    assert (filled, fills, counted) == (count, count, 0)
    return True


def paused(engine: Engine) -> bool:
    """Whether a pause is stored."""
    with begin(engine) as session:
        return bool(session.scalar(text("SELECT count(*) FROM jira_pauses WHERE failures > 1")))


def pass_time(seconds: float) -> None:
    """Wait: the length of the outage is what is tested, so this is not a guess."""
    threading.Event().wait(seconds)


class TestSilentBroker:
    """A broker that takes connections and never answers."""

    @pytest.fixture
    def proxy(self, broker: Broker) -> Iterator[SilentProxy]:
        """Between all parts and the broker."""
        with SilentProxy(broker.port) as proxy:
            yield proxy

    @pytest.fixture
    def environment(self, environment: dict[str, str], proxy: SilentProxy) -> dict[str, str]:
        """With the proxy for a broker."""
        return {**environment, "REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0"}

    @pytest.mark.long
    def test_creates_answer_at_once_and_work_goes_on_within_30_seconds_of_its_return(
        self, engine: Engine, system: System, proxy: SilentProxy
    ) -> None:
        system.start()
        system.create(1)
        eventually(lambda: filled_once_and_never_failed(engine, 1), within=30)
        proxy.silence()
        began = time.monotonic()
        took = system.create(100)
        pass_time(max(0.0, 25 - (time.monotonic() - began)))
        took += system.create(100)
        proxy.speak()
        eventually(lambda: filled_once_and_never_failed(engine, 201), within=30)
        assert median(took) < AT_ONCE
        assert max(took) < LONGEST


@pytest.mark.long
def test_a_jira_that_is_away_for_30_seconds_fails_nothing_and_all_is_filled_30_seconds_after(
    engine: Engine, system: System, jira: SimulatedJira
) -> None:
    system.start()
    system.create(1)
    eventually(lambda: filled_once_and_never_failed(engine, 1), within=30)
    jira.simulator.stop()
    began = time.monotonic()
    took = system.create(500)
    pass_time(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
    jira.simulator.start()
    eventually(lambda: filled_once_and_never_failed(engine, 501), within=30)
    assert median(took) < AT_ONCE
    assert max(took) < LONGEST


class TestHerd:
    """Ten thousand jobs that waited for Jira, each for another ticket."""

    JOBS = 10_000

    @pytest.fixture
    def jira(self) -> Iterator[SimulatedJira]:
        """A simulator with enough tickets."""
        with simulated_jira(tickets=self.JOBS + 200) as jira:
            yield jira

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """With the default request budget."""
        return {**environment, "JIRA_REQUESTS_PER_MINUTE": "600"}

    @pytest.mark.long
    @pytest.mark.timeout(240)
    def test_what_waited_for_jira_comes_in_full_batches_and_within_the_budget(
        self, engine: Engine, routecard: Parts, jira: SimulatedJira
    ) -> None:
        seen = [t.key for t in jira.simulator.store.current() if t.visible]
        drafts = [draft(jira_ticket_key=key) for key in seen[: self.JOBS]]
        assert len(drafts) == self.JOBS
        jira.simulator.stop()
        with begin(engine) as session:
            create_jobs(session, drafts, filling=Filling())
        for part in ("worker", "beat"):
            routecard.start(part)
        eventually(lambda: paused(engine), within=30)
        jira.simulator.start()
        eventually(lambda: filled_once_and_never_failed(engine, self.JOBS), within=30, every=0.5)
        counts = jira.control("GET", "counts")
        arrived = {int(second): calls for second, calls in counts["perSecond"].items()}
        busiest = max(sum(arrived.get(s + i, 0) for i in range(10)) for s in arrived)
        assert jira.bulk_reads() <= 1.1 * self.JOBS / 100
        assert sum(jira.counts().values()) <= 1.2 * self.JOBS / 100
        assert busiest <= 100


def test_a_burst_of_1000_jobs_costs_12_bulk_reads_and_4_a_second(
    engine: Engine, system: System, jira: SimulatedJira
) -> None:
    system.start()
    began = time.monotonic()
    system.create(1000)
    lasted = time.monotonic() - began
    eventually(lambda: filled_once_and_never_failed(engine, 1000), within=60)
    assert jira.bulk_reads() <= 12 + 4 * lasted


def test_a_worker_that_gets_sigterm_while_jira_hangs_ends_soon_and_loses_nothing(
    engine: Engine, system: System, jira: SimulatedJira
) -> None:
    system.parts.environment |= {
        "JIRA_TIMEOUT_SECONDS": "20",
        "ROUTECARD_LEASE_SECONDS": "90",
    }
    system.start()
    jira.fault("hang", match="POST /rest/api/*/issue/bulkfetch", delay=60)
    system.create(300)
    eventually(lambda: task_counts(engine).get("running"), within=30)
    began = time.monotonic()
    system.parts.stop("worker")
    stopped = time.monotonic() - began
    assert stopped < 15
    assert task_counts(engine) == {"pending": 300}
    jira.heal()
    system.parts.start("worker")
    eventually(lambda: filled_once_and_never_failed(engine, 300), within=30)


class TestDatabaseRestart:
    """A database for this test only, restarted without a clean stop."""

    @pytest.fixture
    def server(self) -> Iterator[postgres.Restartable]:
        """A cluster that no other test uses."""
        with postgres.restartable() as server:
            yield server

    @pytest.fixture
    def dsn(self, server: postgres.Restartable) -> str:
        """Its one database."""
        return server.dsn

    @pytest.mark.timeout(240)
    def test_restarts_under_load_lose_no_job_and_fail_none(
        self, engine: Engine, system: System, server: postgres.Restartable, jira: SimulatedJira
    ) -> None:
        system.start()
        jira.fault("slow", match="POST /rest/api/*/issue/bulkfetch", delay=0.5)
        enough = threading.Event()
        made: list[int] = []
        load = threading.Thread(target=lambda: made.append(system.create_while_it_may_fail(enough)))
        load.start()
        try:
            for way in (signal.SIGINT, signal.SIGQUIT):
                eventually(lambda: task_counts(engine).get("running"), within=30)
                server.restart(way)
                pass_time(3)
        finally:
            enough.set()
            load.join()
        engine.dispose()
        eventually(lambda: set(task_counts(engine)) == {"filled"}, within=60)
        total = task_counts(engine)["filled"]

        def all_filled_once() -> bool:
            with begin(engine) as session:
                filled, fills = session.execute(
                    text(
                        "SELECT (SELECT count(*) FROM jobs WHERE jira_filled_at IS NOT NULL), "
                        "(SELECT count(*) FROM sync_attempts WHERE outcome = 'filled')"
                    )
                ).one()
            assert task_counts(engine) == {"filled": total}
            assert (filled, fills) == (total, total)
            return True

        eventually(all_filled_once, within=30)
        # A commit whose answer was lost made a job that no client heard of: never the reverse.
        assert total >= made[0] > 50
