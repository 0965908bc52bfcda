"""JIRA_PROJECT: only tickets of its projects fill jobs, and nothing of the others is shown."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.database.engine import begin
from shared.models import Job, SyncTask
from shared.settings import Settings
from shared.tickets import sites
from tests.dsl import (
    ApiClient,
    api_client,
    application,
    configured,
    csrf_token,
    make_job,
    receive_ticket,
    worker,
)
from tests.support.jira.simulated import SimulatedJira
from worker.sync.drain import drain

REFUSAL = "jiraTicketKey must be in one of the projects PI, TL"
ALL_SIX = {
    "jiraTicketSummary": "S",
    "jiraPartNumber": "P",
    "jiraPriority": "High",
    "jiraEpicLink": "PI-10",
    "jiraLabels": [],
}


@pytest.fixture
def settings(settings: Settings, jira: SimulatedJira) -> Settings:
    """Two projects may fill jobs."""
    return configured(settings, jira_base_url=jira.url, jira_project=("PI", "TL"))


@pytest.fixture(autouse=True)
def _known_site(settings: Settings, engine: Engine) -> None:
    """A worker has used the address of Jira."""
    with begin(engine) as session:
        sites.ensure(session, settings)


@pytest.fixture
def api(settings: Settings, engine: Engine) -> Iterator[ApiClient]:
    """The API under these settings."""
    with api_client(settings, engine) as client:
        yield client


@pytest.mark.parametrize("key", ["SECRET-9", "PIX-1", "P-1", "PI-1-1"])
@pytest.mark.parametrize("more", [{}, ALL_SIX], ids=["to fill", "all six given"])
def test_a_key_outside_is_refused_at_create(
    settings: Settings, engine: Engine, key: str, more: dict[str, Any]
) -> None:
    with api_client(configured(settings, jira_key_pattern=r"[A-Z-]+-\d+|PI-1-1"), engine) as api:
        sent = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": key, **more}
        answer = api.post("/api/jobs", sent)
    body = answer.get_json()
    assert (answer.status_code, body["code"], body["message"]) == (
        400,
        "project_not_allowed",
        REFUSAL,
    )
    assert body["errors"] == [{"field": "jiraTicketKey", "message": REFUSAL}]


def test_the_checks_keep_their_order(api: ApiClient) -> None:
    body = api.post("/api/jobs", {"name": "", "jiraTicketKey": "SECRET-9"}).get_json()
    assert (body["code"], body["message"]) == ("validation_error", "name is required")
    assert {"field": "jiraTicketKey", "message": REFUSAL} in body["errors"]


@pytest.mark.parametrize("key", [" pi-42 ", "tl-1", "PI-42"])
def test_keys_of_our_projects_are_taken_in_any_case(api: ApiClient, key: str) -> None:
    assert api.job(jiraTicketKey=key)["jiraTicketKey"] == key.strip().upper()


def test_bulk_entries_and_links_are_refused_alike(api: ApiClient) -> None:
    entries = [
        {"name": "A", "goalQuantity": 1, "jiraTicketKey": "SECRET-9"},
        {"name": "B", "goalQuantity": 1, "jiraTicketKey": "PI-42"},
    ]
    first, second = api.post("/api/jobs/bulk", {"jobs": entries}).get_json()["results"]
    assert (first["status"], first["error"]["code"]) == (400, "project_not_allowed")
    assert second["status"] == 201
    job = api.job()
    for body in ({"ticketKey": "SECRET-9"}, {"ticketKey": "SECRET-9", "jobId": job["id"]}):
        answer = api.post("/api/jira/link", body)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "project_not_allowed")
        assert answer.get_json()["message"] == REFUSAL


def test_a_list_may_be_asked_for_any_project(api: ApiClient) -> None:
    assert api.get("/api/jobs?jiraTicketKey=SECRET-9").get_json() == []


def test_the_form_says_the_same(settings: Settings, engine: Engine) -> None:
    with application(settings, engine) as app:
        pages = app.test_client()
        page = pages.get("/jobs/new").get_data(as_text=True)
        form = {"name": "J", "goalQuantity": "5", "jiraTicketKey": "SECRET-9"}
        answer = pages.post("/jobs/new", data={**form, "csrf_token": csrf_token(page)})
    assert answer.status_code == 400
    assert REFUSAL in answer.get_data(as_text=True)


@pytest.mark.parametrize("projects", [(), ("*",)])
def test_unset_or_a_star_lets_every_ticket_fill(
    settings: Settings, engine: Engine, projects: tuple[str, ...]
) -> None:
    opened = configured(settings, jira_project=projects)
    with api_client(opened, engine) as api, worker(opened) as runtime:
        job = api.job(jiraTicketKey="TL-1")
        drain(runtime)
        assert api.get(f"/api/jobs/{job['id']}").get_json()["jiraSync"]["status"] == "filled"


def test_a_ticket_that_was_moved_outside_fills_nothing_until_its_project_is_added(
    settings: Settings, engine: Engine, jira: SimulatedJira
) -> None:
    ours = configured(settings, jira_project=("PI",))
    with ExitStack() as stack:
        api = stack.enter_context(api_client(ours, engine))
        job = api.job(jiraTicketKey="PI-42")
        moved = jira.control("POST", "tickets/PI-42/move", {"project": "TL"})
        drain(stack.enter_context(worker(ours)))
        seen = api.get(f"/api/jobs/{job['id']}")
        sync = seen.get_json()["jiraSync"]
        assert (sync["status"], sync["error"]["code"]) == ("failed", "project_not_allowed")
        assert "PI-42" in sync["error"]["message"]
        for told in (seen.text, api.get(f"/api/sync/tasks/{sync['taskId']}").text):
            assert moved["key"] not in told
            assert "aluminum" not in told
        assert api.get("/api/jira/tickets?all=true").get_json() == []

        wider = stack.enter_context(api_client(settings, engine))
        assert wider.post(f"/api/sync/tasks/{sync['taskId']}/retry").status_code == 200
        drain(stack.enter_context(worker(settings)))
        filled = wider.get(f"/api/jobs/{job['id']}").get_json()
        assert filled["jiraPartNumber"] == "ALU-HOUSING-7075"


def test_a_job_from_before_the_setting_was_narrowed_is_not_filled_and_its_ticket_not_read(
    settings: Settings, engine: Engine, jira: SimulatedJira
) -> None:
    job_id = make_job(engine, "TL-1")
    with worker(configured(settings, jira_project=("PI",))) as runtime:
        drain(runtime)
    assert jira.bulk_reads() == 0
    with begin(engine) as session:
        assert session.get_one(Job, job_id).jira_filled_at is None
        assert session.query(SyncTask).one().error_code == "project_not_allowed"


def test_copies_of_tickets_outside_are_neither_shown_nor_used(
    settings: Settings, engine: Engine
) -> None:
    job_id = make_job(engine, "TL-7")
    receive_ticket(engine, "TL-7")
    receive_ticket(engine, "PI-7", issue_id="77")
    narrow = configured(settings, jira_project=("PI",), jira_copy_fresh_seconds=3600)
    with api_client(narrow, engine) as api:
        assert [t["key"] for t in api.get("/api/jira/tickets?all=true").get_json()] == ["PI-7"]
        assert api.get("/api/jira/tickets/TL-7").status_code == 404
        assert api.get("/api/jira/tickets/PI-7").status_code == 200
        drift = api.get(f"/api/jobs/{job_id}/drift").get_json()
        assert (drift["state"], drift["fields"]) == ("unknown", [])
        assert api.job(jiraTicketKey="PI-7")["jiraSync"]["status"] == "filled"


def test_a_copy_is_not_used_for_the_key_its_ticket_had_inside(
    settings: Settings, engine: Engine
) -> None:
    receive_ticket(engine, "PI-8", issue_id="88")
    moved = {"issue_id": "88", "updated_at": datetime(2024, 2, 1, tzinfo=UTC)}
    receive_ticket(engine, "TL-8", **moved)
    for projects in (("PI",), ("PI", "TL")):
        ours = configured(settings, jira_project=projects, jira_copy_fresh_seconds=3600)
        with api_client(ours, engine) as api:
            assert api.job(jiraTicketKey="PI-8")["jiraSync"]["status"] == "pending"
