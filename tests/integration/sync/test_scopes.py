"""Tokens with few scopes: what is missing is named, and stops nothing that does without it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from shared.database.engine import begin
from shared.settings import Settings
from shared.states import WaitCode
from shared.sync import pauses
from shared.tickets import watermarks
from tests.dsl import configured, end_pause, make_jobs, site_id, task_counts, worker
from tests.support.jira.simulated import simulated_jira
from worker.breaker.circuit import trip
from worker.jira.errors import JiraUnavailable
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.simulator import defaults
from worker.simulator.scopes import granular_of
from worker.sync.drain import drain

WORDS = "Unauthorized; scope does not match"


@contextmanager
def at_gateway(settings: Settings, *scopes: str) -> Iterator[Runtime]:
    """A worker whose token has these scopes."""
    with simulated_jira(tickets=100, scopes=frozenset(scopes)) as site:
        made = configured(
            settings,
            jira_base_url=f"{site.url}/ex/jira/{defaults.CLOUD_ID}",
            jira_api_token=defaults.SCOPED_TOKEN,
            jira_deployment="auto",
            jira_project=("PI",),
            jira_requests_per_minute=60_000,
        )
        with worker(made) as runtime:
            yield runtime


def pause_of(engine: Engine, runtime: Runtime) -> pauses.Pause | None:
    with begin(engine) as session:
        return pauses.in_force(session, credentials=runtime.credentials)


def test_a_mistyped_key_fails_alone_and_a_pause_ends_by_itself(
    settings: Settings, engine: Engine
) -> None:
    with at_gateway(settings, "read:jira-work") as runtime:
        make_jobs(engine, "PI-42", "PI-99999")
        drain(runtime)
        assert task_counts(engine) == {"filled": 1, "failed": 1}
        assert pause_of(engine, runtime) is None
        trip(runtime, JiraUnavailable("down"))
        end_pause(engine)
        make_jobs(engine, "PI-43")
        drain(runtime)
        assert task_counts(engine) == {"filled": 2, "failed": 1}
        assert pause_of(engine, runtime) is None


def test_a_token_without_the_scope_to_read_waits_and_says_which(
    settings: Settings, engine: Engine
) -> None:
    with at_gateway(settings, "read:jira-user") as runtime:
        make_jobs(engine, "PI-42", "PI-99999")
        drain(runtime)
        assert task_counts(engine) == {"pending": 2}
        pause = pause_of(engine, runtime)
    assert pause is not None
    assert pause.code is WaitCode.CREDENTIALS_REFUSED
    assert "Our token lacks a scope" in pause.message
    assert WORDS in pause.message
    assert "wrong" not in pause.message


def test_a_poll_without_the_scope_for_searches_stops_no_fill(
    settings: Settings, engine: Engine
) -> None:
    with at_gateway(settings, *granular_of("POST issue/bulkfetch")) as runtime:
        poll(runtime)
        assert pause_of(engine, runtime) is None
        with begin(engine) as session:
            (progress,) = watermarks.progress(session, site_id=site_id(session))
        assert WORDS in (progress.refusal or "")
        make_jobs(engine, "PI-42")
        drain(runtime)
        assert task_counts(engine) == {"filled": 1}
