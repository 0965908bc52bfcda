"""A drain against a Jira that works, fails, and recovers."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, text

from shared.broker.wakeups import Wakeup
from shared.database.engine import begin
from shared.models import Job, SyncTask
from shared.states import WaitCode
from shared.sync import pauses
from tests.dsl import end_pause, make_jobs
from tests.support.jira.simulated import SimulatedJira
from tests.support.waiting import eventually
from worker.breaker.circuit import trip
from worker.jira.errors import JiraCaptchaLock
from worker.runtime import Runtime
from worker.sync.drain import drain
from worker.sync.pacing import Pacing
from worker.sync.sweep import sweep


def statuses(engine: Engine) -> dict[str, str]:
    """The status of every task by its ticket's key."""
    with begin(engine) as session:
        return {t.ticket_key: t.status for t in session.scalars(select(SyncTask))}


def test_a_drain_fills_what_is_due_with_one_bulk_read(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    job_id, *_ = make_jobs(engine, "PI-42", "PI-43", "PI-44")
    assert drain(runtime) == 3
    assert set(statuses(engine).values()) == {"filled"}
    assert jira.bulk_reads() == 1
    with begin(engine) as session:
        job = session.get_one(Job, job_id)
    assert job.jira_ticket_summary == "Build 50 aluminum housings"
    assert job.jira_part_number == "ALU-HOUSING-7075"
    assert (job.jira_priority, job.jira_epic_link) == ("High", "PI-10")
    assert job.jira_labels == ["Q1-2024", "rush"]


def test_a_full_claim_notifies_again_so_that_a_backlog_spreads_and_is_followed_by_the_next(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, *(f"PI-{n % 300 + 1}" for n in range(150)))
    assert drain(runtime) == 150
    assert runtime.redis.get(Wakeup.TASKS.key) == "1"
    assert runtime.redis.llen("routecard:jira") == 1
    assert jira.bulk_reads() == 2


def test_a_ticket_that_does_not_exist_fails_at_the_first_read_in_plain_words(
    engine: Engine, runtime: Runtime
) -> None:
    make_jobs(engine, "PI-42", "PI-999999")
    drain(runtime)
    assert statuses(engine) == {"PI-42": "filled", "PI-999999": "failed"}
    with begin(engine) as session:
        task = session.scalars(select(SyncTask).where(SyncTask.status == "failed")).one()
    assert task.error_code == "ticket_not_found"
    assert task.error_message is not None
    assert "Jira has no ticket PI-999999" in task.error_message


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("500", {}, WaitCode.JIRA_DOWN),
        ("503", {"retryAfter": 7}, WaitCode.JIRA_DOWN),
        ("reset", {}, WaitCode.JIRA_DOWN),
        ("html", {}, WaitCode.JIRA_DOWN),
        ("truncated", {}, WaitCode.JIRA_DOWN),
        ("429", {"retryAfter": 30}, WaitCode.RATE_LIMITED),
        ("expired", {}, WaitCode.CREDENTIALS_REFUSED),
        ("captcha", {}, WaitCode.CAPTCHA_LOCK),
    ],
)
def test_a_call_that_fails_as_a_whole_pauses_all_workers_and_counts_against_no_task(
    engine: Engine,
    runtime: Runtime,
    jira: SimulatedJira,
    kind: str,
    more: dict[str, int],
    code: WaitCode,
) -> None:
    make_jobs(engine, "PI-42", "PI-43")
    jira.fault(kind, **more)
    drain(runtime)
    assert set(statuses(engine).values()) == {"pending"}
    with begin(engine) as session:
        pause = pauses.current(session)
        counters = session.execute(
            text("SELECT max(failures), max(crashes), min(attempts) FROM sync_tasks")
        ).one()
    assert pause is not None
    assert pause.code is code
    assert counters == (0, 0, 1)
    asked = sum(jira.counts().values())
    assert drain(runtime) == 0
    assert sum(jira.counts().values()) == asked
    jira.heal()
    if code is WaitCode.CAPTCHA_LOCK:
        with begin(engine) as session:
            assert pauses.resume(session) == 1
    else:
        end_pause(engine)
    assert drain(runtime) == 2
    assert set(statuses(engine).values()) == {"filled"}
    with begin(engine) as session:
        assert pauses.current(session) is None


def test_retry_after_is_the_least_the_pause_lasts(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42")
    jira.fault("429", retryAfter=30)
    drain(runtime)
    with begin(engine) as session:
        left = session.scalar(text("SELECT extract(epoch FROM until - now()) FROM jira_pauses"))
    assert 29 < left < 40


def test_failures_in_a_row_double_the_pause_up_to_its_longest(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42")
    jira.fault("500")
    lengths = []
    for _ in range(6):
        drain(runtime)
        with begin(engine) as session:
            lengths.append(
                session.scalar(text("SELECT extract(epoch FROM until - now()) FROM jira_pauses"))
            )
        end_pause(engine)
    assert 0.5 < lengths[0] <= 1.1
    assert lengths[1] > lengths[0]
    assert 6.5 < lengths[-1] <= 11


def test_another_kind_of_failure_begins_its_own_count(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42")
    jira.fault("500")
    for _ in range(5):
        drain(runtime)
        end_pause(engine)
    jira.heal()
    jira.fault("expired")
    drain(runtime)
    with begin(engine) as session:
        pause = pauses.current(session)
        left = session.scalar(text("SELECT extract(epoch FROM until - now()) FROM jira_pauses"))
    assert pause is not None
    assert (pause.code, pause.failures) == (WaitCode.CREDENTIALS_REFUSED, 1)
    assert 3 < left <= 6


def test_only_one_worker_probes_when_a_pause_has_run_out(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42")
    jira.fault("500")
    drain(runtime)
    jira.heal()
    jira.fault("slow", match="GET /rest/api/*/myself", delay=0.3)
    end_pause(engine)
    jira.control("DELETE", "counts")
    threads = [threading.Thread(target=drain, args=(runtime,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jira.counts().get("GET myself") == 1
    assert statuses(engine) == {"PI-42": "filled"}


def test_a_captcha_lock_is_neither_probed_nor_ended_by_another_failure(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    trip(runtime, JiraCaptchaLock("locked"))
    make_jobs(engine, "PI-42")
    restart_pause = "UPDATE jira_pauses SET updated_at = now()"
    with begin(engine) as session:
        session.execute(text(restart_pause))
    assert drain(runtime) == 0
    assert jira.counts() == {}


def test_a_pause_belongs_to_its_credentials(engine: Engine, runtime: Runtime) -> None:
    make_jobs(engine, "PI-42")
    with begin(engine) as session:
        pauses.begin(
            session,
            credentials="of another account",
            code=WaitCode.CAPTCHA_LOCK,
            message="m",
            delay=None,
        )
    assert drain(runtime) == 1
    assert statuses(engine) == {"PI-42": "filled"}


def test_one_value_the_database_refuses_hurts_one_task(engine: Engine, runtime: Runtime) -> None:
    make_jobs(engine, "PI-42", "PI-43", "PI-44")
    with begin(engine) as session:
        session.execute(text("ALTER TABLE tickets ADD CONSTRAINT odd CHECK (key <> 'PI-43')"))
    drain(runtime)
    assert statuses(engine) == {"PI-42": "filled", "PI-43": "failed", "PI-44": "filled"}


def test_a_database_that_goes_away_while_jira_answers_costs_no_crash(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42")
    jira.fault("slow", match="POST /rest/api/*/issue/bulkfetch", delay=0.5)
    work = threading.Thread(target=drain, args=(runtime,))
    work.start()
    eventually(lambda: statuses(engine) == {"PI-42": "running"})
    with begin(engine) as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    work.join()
    assert statuses(engine) == {"PI-42": "filled"}


def test_the_sweep_sends_a_drain_for_due_tasks_whatever_the_wakeup_flag_but_not_while_paused(
    engine: Engine, runtime: Runtime
) -> None:
    make_jobs(engine, "PI-42")
    runtime.redis.set(Wakeup.TASKS.key, 1)
    sweep(runtime)
    assert runtime.redis.llen("routecard:jira") == 1
    trip(runtime, JiraCaptchaLock("locked"))
    sweep(runtime)
    assert runtime.redis.llen("routecard:jira") == 1


def test_a_small_batch_waits_for_its_turn_and_takes_what_came_meanwhile(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42")
    drain(runtime)
    make_jobs(engine, "PI-43")
    assert not Pacing(runtime.redis).may_start_small()
    waiting = threading.Thread(target=drain, args=(runtime,))
    waiting.start()
    make_jobs(engine, "PI-44")
    waiting.join()
    assert set(statuses(engine).values()) == {"filled"}
    assert jira.bulk_reads() == 2


def test_a_quarantined_task_does_not_lose_its_lease_because_of_a_slow_batch(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    make_jobs(engine, "PI-42", "PI-43")
    with begin(engine) as session:
        session.execute(text("UPDATE sync_tasks SET crashes = 2 WHERE ticket_key = 'PI-43'"))
    hasty = runtime.settings.model_copy(update={"jira_timeout_seconds": 2, "lease_seconds": 12.5})
    assert hasty.drain_seconds == pytest.approx(1)
    jira.fault("slow", match="POST /rest/api/*/issue/bulkfetch", delay=1.2, times=1)
    assert drain(replace(runtime, settings=hasty)) == 1
    assert statuses(engine) == {"PI-42": "filled", "PI-43": "pending"}
    assert drain(runtime) == 1
    assert statuses(engine) == {"PI-42": "filled", "PI-43": "filled"}
