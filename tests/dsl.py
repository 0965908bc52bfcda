"""The words of the tests: the application and its clients, a worker, and rows of the database.

A test that needs an application, a client or a worker takes a fixture of a ``conftest.py``; what
differs from the usual settings is a module's own ``settings`` fixture.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from api.app import create_app
from api.runtime import runtime_of
from shared.accounts import operators
from shared.accounts import tokens as access_tokens
from shared.database.engine import begin, database_time
from shared.fill import ingest as shared_ingest
from shared.fill.snapshots import lock_jobs
from shared.jobs import store as jobs
from shared.jobs.create import Filling, create_jobs
from shared.jobs.job import JobDraft, JobRow, TaskRow
from shared.models import SyncTask
from shared.settings import Settings
from shared.states import FailureCode, Role, Scope, Source
from shared.sync import leases
from shared.sync import settle as sync_settle
from shared.sync import tasks as sync_tasks
from shared.sync.leases import Claim
from shared.tickets import sites
from shared.tickets.readings import Reading, read_directly
from shared.tickets.ticket import Ticket
from worker.runtime import Runtime, make_runtime

PASSWORD = "correct horse battery"
SESSION_KEY = "2f7c1d09b6e84a53907f1c6ad8e5b342"
NO_JIRA = "http://127.0.0.1:9"
"""The address of a Jira that does not answer; the usual JIRA_BASE_URL of tests."""


def configured(settings: Settings, **changes: Any) -> Settings:
    """These settings with some changed, and validated as those of an environment are."""
    return Settings.model_validate({**settings.model_dump(), **changes}, by_name=True)


@contextmanager
def application(settings: Settings, engine: Engine, *, under_dev: bool = True) -> Iterator[Flask]:
    """The application in this process; its threads end with it.

    Open mode is possible as under `routecard dev`, unless the settings or ``under_dev`` exclude it.
    """
    app = create_app(settings, engine=engine, under_dev=under_dev)
    app.config["TESTING"] = False
    try:
        yield app
    finally:
        runtime_of(app).close()


@contextmanager
def worker(settings: Settings) -> Iterator[Runtime]:
    """A worker's runtime in this process; its connections end with it."""
    runtime = make_runtime(settings)
    try:
        yield runtime
    finally:
        runtime.close()


class ApiClient:
    """A client of the API, with JSON in and out."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def get(self, address: str, **options: Any) -> TestResponse:
        """GET."""
        return self.client.get(address, **options)

    def post(self, address: str, content: Any = None, **options: Any) -> TestResponse:
        """POST JSON, or no body."""
        return self.client.post(address, json=content, **options)

    def put(self, address: str, content: Any, **options: Any) -> TestResponse:
        """PUT JSON."""
        return self.client.put(address, json=content, **options)

    def patch(self, address: str, content: Any, **options: Any) -> TestResponse:
        """PATCH JSON."""
        return self.client.patch(address, json=content, **options)

    def delete(self, address: str, **options: Any) -> TestResponse:
        """DELETE."""
        return self.client.delete(address, **options)

    def raw(self, method: str, address: str, body: bytes, **options: Any) -> TestResponse:
        """Send these bytes by any method, declared as JSON."""
        options.setdefault("content_type", "application/json")
        return self.client.open(address, method=method, data=body, **options)

    def job(self, **changes: Any) -> dict[str, Any]:
        """Create a job; the API's answer."""
        answer = self.post("/api/jobs", {"name": "JOB-1", "goalQuantity": 5, **changes})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.get_json()
        return created


@contextmanager
def api_client(settings: Settings, engine: Engine) -> Iterator[ApiClient]:
    """The API in this process, as a client."""
    with application(settings, engine) as app:
        yield ApiClient(app)


def token(engine: Engine, *scopes: Scope, name: str = "planner") -> str:
    """A new token with these scopes."""
    with begin(engine) as session:
        return access_tokens.create(session, name, scopes=scopes).value


def bearer(value: str) -> dict[str, str]:
    """The header that sends a token."""
    return {"Authorization": f"Bearer {value}"}


def operator(engine: Engine, name: str = "ada", *, role: Role = Role.FULL) -> None:
    """A new operator account with PASSWORD."""
    with begin(engine) as session:
        operators.add(session, name, password=PASSWORD, role=role)


def log_in(
    client: FlaskClient, name: str = "ada", *, password: str = PASSWORD, **options: Any
) -> TestResponse:
    """Fill in the login form and send it."""
    page = client.get("/login", **options).get_data(as_text=True)
    form = {"name": name, "password": password, "csrf_token": csrf_token(page)}
    return client.post("/login", data=form, **options)


def csrf_token(page: str) -> str:
    """The token in a form of this page."""
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def draft(**changes: Any) -> JobDraft:
    """A job as a client asks for it."""
    return JobDraft(**{"name": "JOB-1", "goal_quantity": 5, **changes})


def create_job(session: Session, asked: JobDraft) -> tuple[JobRow, TaskRow | None]:
    """Store a job and, if a field is left to fill, its sync task; both as the API shows them."""
    (view,) = create_jobs(session, [asked], filling=Filling())
    return view.job, view.task


def make_job(engine: Engine, key: str | None = "PI-42", **changes: Any) -> str:
    """A job on this ticket, in a transaction of its own; its id."""
    with begin(engine) as session:
        return create_job(session, draft(jira_ticket_key=key, **changes))[0].id


def make_jobs(engine: Engine, *keys: str) -> list[str]:
    """Jobs on these tickets, in one transaction; their ids."""
    with begin(engine) as session:
        return [create_job(session, draft(jira_ticket_key=key))[0].id for key in keys]


def end_pause(engine: Engine) -> None:
    """Let every pause of the calls to Jira end, without waiting for it."""
    with begin(engine) as session:
        session.execute(text("UPDATE jira_pauses SET until = now() - interval '1 second'"))


def make_poll_due(engine: Engine) -> None:
    """Let JIRA_POLL_SECONDS pass, and every pause of the calls to Jira end."""
    end_pause(engine)
    with begin(engine) as session:
        session.execute(text("UPDATE jira_polls SET began_at = began_at - interval '2 hours'"))


def make_deliveries_due(engine: Engine) -> None:
    """Let the wait of every delivery that is tried again end."""
    with begin(engine) as session:
        session.execute(text("UPDATE webhook_deliveries SET due_at = now()"))


def make_task(engine: Engine, state: str = "pending", *, key: str = "PI-42", **changes: Any) -> str:
    """A task in this state; its id. The job of an ``orphan`` was deleted."""
    with begin(engine) as session:
        job, task = create_job(session, draft(jira_ticket_key=key, **changes))
        assert task is not None
    with begin(engine) as session:
        if state in ("running", "failed"):
            held = [c for c in leases.claim(session, lease_seconds=60) if c.task_id == task.id]
            if state == "failed":
                code = FailureCode.TICKET_NOT_FOUND
                sync_settle.fail(session, held, code=code, worker="w")
        elif state == "filled":
            ingest(session, [(key, ticket(key))], source=Source.WEBHOOK, worker="w")
        elif state == "cancelled":
            sync_tasks.cancel(session, [task.id])
        elif state == "orphan":
            lock_jobs(session, [job.id])
            jobs.delete(session, job.id)
    assert task_status(engine, task.id) == ("cancelled" if state == "orphan" else state)
    return task.id


def make_task_in_each_state(engine: Engine) -> dict[str, str]:
    """A task in every state by that state, each for a ticket of its own."""
    order = ("filled", "failed", "cancelled", "orphan", "running", "pending")
    return {state: make_task(engine, state, key=f"PI-{n}") for n, state in enumerate(order, 1)}


def task_status(engine: Engine, task_id: str) -> str:
    """The status of a task."""
    with begin(engine) as session:
        return session.get_one(SyncTask, task_id).status


def task_counts(engine: Engine) -> dict[str, int]:
    """How many tasks have each status."""
    with begin(engine) as session:
        rows = session.execute(text("SELECT status, count(*) FROM sync_tasks GROUP BY status"))
        return {row[0]: row[1] for row in rows}


def make_failed_tasks(engine: Engine, number: int) -> None:
    """Many failed tasks with their jobs, inserted by one statement."""
    with begin(engine) as session:
        session.execute(
            text("""
            WITH n AS (SELECT lpad(i::text, 8, '0') AS i FROM generate_series(1, :n) AS i),
            j AS (INSERT INTO jobs (id, name, goal_quantity, jira_ticket_key)
                SELECT 'job_' || i, 'Job ' || i, 1, 'PI-' || i::int FROM n)
            INSERT INTO sync_tasks (id, job_id, ticket_key, status, error_code, error_message)
            SELECT 'sync_' || i, 'job_' || i, 'PI-' || i::int, 'failed', 'ticket_not_found',
                'Jira has no ticket PI-' || i::int FROM n
            """),
            {"n": number},
        )


def ticket(key: str = "PI-42", **changes: Any) -> Ticket:
    """A ticket as Jira is read: that of the source document, unless changed."""
    values: dict[str, Any] = {
        "issue_id": str(10_000 + int(key.rpartition("-")[2])),
        "key": key,
        "updated_at": datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        "summary": "Build 50 aluminum housings",
        "part_number": "ALU-HOUSING-7075",
        "priority": "High",
        "epic_link": "PI-10",
        "labels": ("Q1-2024", "rush"),
        "quantity": 50,
    }
    return Ticket(**{**values, **changes})


def receive_ticket(
    engine: Engine, key: str = "PI-42", *, source: Source = Source.WEBHOOK, **changes: Any
) -> None:
    """Store a ticket, and fill the jobs that wait for it, as a worker that has read it does."""
    with begin(engine) as session:
        ingest(session, [(key, ticket(key, **changes))], source=source, worker="w")


def site_id(session: Session) -> int:
    """The id of the site at the address that was used last, or else at the usual one."""
    found: int | None = session.scalar(
        text("SELECT site_id FROM jira_addresses ORDER BY site_since DESC LIMIT 1")
    )
    if found is not None:
        return found
    return sites.ensure(session, Settings(JIRA_BASE_URL=NO_JIRA)).site_id


def same_jira(engine: Engine, address: str, other: str) -> None:
    """Two addresses lead to one Jira, as those of the site and of the gateway do."""
    with begin(engine) as session:
        for one in (address, other):
            sites.ensure(session, Settings(JIRA_BASE_URL=one))
        session.execute(
            text(
                "UPDATE jira_addresses SET site_id = (SELECT site_id FROM jira_addresses "
                "WHERE address = :other) WHERE address = :address"
            ),
            {"address": sites.normal_address(address), "other": sites.normal_address(other)},
        )


def ingest(
    session: Session,
    tickets: Sequence[tuple[str, Ticket]],
    *,
    source: Source,
    worker: str = "w",
    claims: Sequence[Claim] = (),
    read_at: datetime | None = None,
) -> int:
    """Store tickets, each as requested by a key, and fill the jobs that wait for them.

    The source proves that they were Jira's at ``read_at``, or else just now. Returns how many jobs
    were filled.
    """
    moment = read_at or database_time(session)
    if source is Source.API:
        readings = [read_directly(key, one, asked_at=moment) for key, one in tickets]
    else:
        readings = [
            Reading(ticket=one, proven_at=moment, read_at=read_at, keys=(key,))
            for key, one in tickets
        ]
    return shared_ingest.ingest(
        session,
        readings,
        site_id=site_id(session),
        source=source,
        worker=worker,
        claims=claims,
    ).filled.total()
