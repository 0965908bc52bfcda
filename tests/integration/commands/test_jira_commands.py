"""`routecard doctor`, `reconcile`, `resume` and `tickets` on the command line."""

import json
import sys
from subprocess import CompletedProcess, run
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import AuditEvent, Job
from shared.settings import Settings
from shared.states import WaitCode
from shared.sync import pauses
from tests.dsl import make_job, worker
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.stack import clean_environment
from worker.polling.poll import poll
from worker.sync.drain import drain


class Terminal:
    """Runs commands in an environment."""

    def __init__(self, settings: Settings, jira: SimulatedJira) -> None:
        self.settings = settings.model_copy(
            update={"jira_base_url": jira.url, "jira_project": ("PI",)}
        )
        url = settings.database_dsn().replace("+psycopg", "")
        self.environment = clean_environment(
            DATABASE_URL=url,
            REDIS_URL=settings.redis_dsn(),
            ROUTECARD_PORT="9",
            JIRA_BASE_URL=jira.url,
            JIRA_PROJECT="PI",
            JIRA_EMAIL="dev@routecard.example",
            JIRA_API_TOKEN="simulator-token",
            JIRA_FIELD_PART_NUMBER="Part Number / Rev",
        )

    def __call__(self, *arguments: str, **changes: str) -> CompletedProcess[str]:
        return run(  # noqa: S603  our own interpreter
            [sys.executable, "-m", "worker", *arguments],
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str, **changes: str) -> Any:
        """The command's output as JSON."""
        answer = self(*arguments, "--json", **changes)
        return json.loads(answer.stdout)


@pytest.fixture
def terminal(settings: Settings, jira: SimulatedJira) -> Terminal:
    """A terminal on the test's system."""
    return Terminal(settings, jira)


@pytest.fixture
def job_id(terminal: Terminal, engine: Engine) -> str:
    """A job filled from PI-42."""
    job_id = make_job(engine)
    with worker(terminal.settings) as runtime:
        drain(runtime)
    return job_id


def edit(jira: SimulatedJira) -> None:
    """Another user changes PI-42."""
    jira.control("PATCH", "tickets/PI-42", {"priority": "Lowest"})


def test_reconcile_reads_again_tells_the_drift_and_changes_no_job(
    terminal: Terminal, jira: SimulatedJira, engine: Engine, job_id: str
) -> None:
    edit(jira)
    answer = terminal("reconcile")
    assert answer.returncode == 0, answer.stderr
    assert f"{job_id}  PI-42  drifted" in answer.stdout
    assert "jiraPriority: job 'High', Jira 'Lowest'" in answer.stdout
    with begin(engine) as session:
        assert session.get_one(Job, job_id).jira_priority == "High"
        (event,) = session.query(AuditEvent).all()
    assert (event.action, event.counts) == ("reconcile", {"found": 1, "denied": 0})


@pytest.mark.usefixtures("job_id")
def test_a_dry_run_of_reconcile_calls_no_jira_and_writes_nothing(
    terminal: Terminal, jira: SimulatedJira, engine: Engine
) -> None:
    edit(jira)
    before = jira.counts()
    found = terminal.json("reconcile", "--dry-run")
    assert found["states"] == {"in_sync": 1}
    assert jira.counts() == before
    with begin(engine) as session:
        assert session.query(AuditEvent).all() == []


def test_reconcile_in_one_document(terminal: Terminal, jira: SimulatedJira, job_id: str) -> None:
    edit(jira)
    found = terminal.json("reconcile")
    assert (found["read"], found["states"]) == (1, {"drifted": 1})
    (job,) = found["jobs"]
    assert job["jobId"] == job_id
    assert job["fields"] == [{"field": "jiraPriority", "job": "High", "jira": "Lowest"}]


@pytest.mark.usefixtures("job_id")
def test_reconcile_stops_where_jira_says_stop_and_says_so(
    terminal: Terminal, jira: SimulatedJira
) -> None:
    jira.fault("429", retryAfter=60)
    answer = terminal("reconcile")
    assert answer.returncode == 1
    assert "Stopped before the end" in answer.stderr
    before = jira.counts()
    assert terminal("reconcile").returncode == 1
    assert jira.counts() == before


def test_resume_ends_a_pause_that_only_a_person_ends(terminal: Terminal, engine: Engine) -> None:
    with begin(engine) as session:
        pauses.begin(
            session,
            credentials=pauses.credentials_hash(terminal.settings),
            code=WaitCode.CAPTCHA_LOCK,
            message="Locked behind a CAPTCHA.",
            delay=None,
        )
    answer = terminal("resume", "--reason", "logged in")
    assert answer.stdout == "Resumed. It was: Locked behind a CAPTCHA.\n"
    with begin(engine) as session:
        assert pauses.current(session) is None
        (event,) = session.query(AuditEvent).all()
    assert (event.action, event.reason) == ("resume", "logged in")
    assert terminal("resume").stdout == "There was no pause.\n"


def test_tickets_and_the_progress_of_their_import_are_shown(
    terminal: Terminal, engine: Engine
) -> None:
    assert "No poll has started" in terminal("tickets", "progress").stdout
    with worker(terminal.settings) as runtime:
        poll(runtime)
    assert "PI: complete as of" in terminal("tickets", "progress").stdout
    assert "Build 50 aluminum housings" in terminal("tickets", "list", "-q", "pi-42").stdout
    assert "ALU-HOUSING-7075" not in terminal("tickets", "show", "PI-42").stderr
    assert terminal("tickets", "show", "PI-99999").returncode == 1
    with begin(engine) as session:
        session.execute(text("UPDATE jira_polls SET import_done_at = NULL, imported = 7"))
    assert "first import, 7 tickets" in terminal("tickets", "progress").stdout


def test_doctor_exits_1_where_something_fails_and_its_json_says_what(
    terminal: Terminal,
) -> None:
    answer = terminal("doctor", "--json", "--ticket", "PI-42")
    assert answer.returncode == 1
    found = json.loads(answer.stdout)
    by_name = {check["name"]: check for check in found["checks"]}
    assert found["status"] == "fail"
    assert by_name["api"]["status"] == "fail"
    assert by_name["worker"]["remedy"] == "Start it: `routecard worker`."
    assert by_name["credentials"]["status"] == "ok"
    assert "“ALU-HOUSING-7075” in PI-42" in by_name["field_part_number"]["message"]
    assert "simulator-token" not in answer.stdout + answer.stderr


def test_doctor_speaks_plainly_with_everything_down(terminal: Terminal) -> None:
    down = {
        "DATABASE_URL": "postgresql://routecard:geheim@127.0.0.1:9/routecard",
        "REDIS_URL": "redis://:geheim@127.0.0.1:9/0",
        "JIRA_BASE_URL": "http://127.0.0.1:9",
        "JIRA_API_TOKEN": "geheim",
    }
    answer = terminal("doctor", **down)
    assert answer.returncode == 1
    assert "geheim" not in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    for words in ("PostgreSQL cannot be reached", "The broker does not answer", "127.0.0.1"):
        assert words in answer.stdout
