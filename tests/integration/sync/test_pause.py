"""The pause all workers share: who may end it, how it grows, who probes."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.sync import pauses
from tests.dsl import end_pause, make_job
from tests.support.jira.simulated import SimulatedJira
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraCaptchaLock, JiraLimited, JiraUnavailable
from worker.runtime import Runtime
from worker.sync.drain import drain

BULK = "POST /rest/api/*/issue/bulkfetch"


def left(engine: Engine) -> float | None:
    """Seconds until the pause ends; None without one."""
    with begin(engine) as session:
        found = session.scalar(text("SELECT extract(epoch FROM until - now()) FROM jira_pauses"))
    return None if found is None else float(found)


def test_an_answer_to_a_call_from_before_the_pause_does_not_cut_a_retry_after_short(
    engine: Engine, runtime: Runtime
) -> None:
    circuit.trip(runtime, JiraLimited("slower", retry_after=60))
    circuit.reset(runtime, state=CircuitState.CLOSED)
    assert (left(engine) or 0) > 59


@pytest.mark.parametrize(
    "error", [JiraCaptchaLock("locked"), JiraLimited("slower", retry_after=120)]
)
def test_a_probe_that_succeeds_does_not_end_a_longer_pause_that_began_meanwhile(
    engine: Engine, runtime: Runtime, error: JiraLimited | JiraCaptchaLock
) -> None:
    circuit.trip(runtime, JiraUnavailable("down"))
    end_pause(engine)
    assert circuit.check(runtime) is CircuitState.HALF_OPEN
    circuit.trip(runtime, error)
    circuit.reset(runtime, state=CircuitState.HALF_OPEN)
    assert circuit.check(runtime) is CircuitState.OPEN


def test_a_read_that_fails_after_a_good_probe_doubles_the_pause(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_job(engine, "PI-42")
    jira.fault("503", match=BULK)
    lengths = []
    for _ in range(4):
        drain(runtime)
        lengths.append(left(engine) or 0)
        end_pause(engine)
    assert 0.5 < lengths[0] <= 1.0
    assert 1.2 < lengths[1] <= 2.0
    assert 5.0 < lengths[3] <= 8.0


@pytest.fixture
def probing(engine: Engine, runtime: Runtime) -> Iterator[threading.Event]:
    """Another worker that takes the probe, and has not committed that until the event is set."""
    circuit.trip(runtime, JiraUnavailable("down"))
    end_pause(engine)
    taken, go_on = threading.Event(), threading.Event()

    def take() -> None:
        with begin(engine) as session:
            pauses.take_probe(session, credentials=runtime.credentials)
            taken.set()
            go_on.wait(10)

    other = threading.Thread(target=take)
    other.start()
    assert taken.wait(10)
    yield go_on
    go_on.set()
    other.join()


def test_a_worker_that_loses_the_probe_to_another_makes_no_call(
    engine: Engine, runtime: Runtime, jira: SimulatedJira, probing: threading.Event
) -> None:
    make_job(engine, "PI-42")
    threading.Timer(0.3, probing.set).start()
    assert drain(runtime) == 0
    assert jira.counts() == {}


def test_a_quarantined_task_is_not_read_after_its_batch_found_jira_unavailable(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_job(engine, "PI-42")
    quarantined = make_job(engine, "PI-43")
    with begin(engine) as session:
        session.execute(
            text("UPDATE sync_tasks SET crashes = 2 WHERE job_id = :id"), {"id": quarantined}
        )
    jira.fault("429", match=BULK, retryAfter=30)
    assert drain(runtime) == 1
    assert jira.bulk_reads() == 1
