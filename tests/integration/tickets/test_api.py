"""The API with our copies: tickets, drift, and jobs that are filled when they are created."""

import pytest
from sqlalchemy import Engine, event, text

from shared.database.engine import begin
from shared.settings import Settings
from shared.states import Source
from tests.dsl import ApiClient, api_client, configured, ingest, receive_ticket, ticket
from tests.support.jira.simulated import SimulatedJira
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.sync.drain import drain


@pytest.fixture
def settings(settings: Settings, jira: SimulatedJira) -> Settings:
    """Settings that allow a job to be filled from a copy that is up to two minutes old."""
    return configured(
        settings,
        jira_base_url=jira.url,
        jira_project=("PI",),
        jira_copy_fresh_seconds=120,
        jira_requests_per_minute=60_000,
    )


@pytest.fixture
def polled(runtime: Runtime) -> Runtime:
    """A worker that has polled everything once."""
    poll(runtime)
    return runtime


@pytest.mark.usefixtures("polled")
def test_a_create_of_a_known_ticket_answers_201_already_filled_without_a_jira_call(
    api: ApiClient, jira: SimulatedJira
) -> None:
    before = jira.counts()
    job = api.job(jiraTicketKey="PI-42")
    assert jira.counts() == before
    assert job["jiraPartNumber"] == "ALU-HOUSING-7075"
    assert job["jiraLabels"] == ["Q1-2024", "rush"]
    assert (job["jiraSync"]["status"], job["jiraSync"]["source"]) == ("filled", "mirror")
    assert api.get(f"/api/jobs/{job['id']}").get_json()["jiraSync"] == job["jiraSync"]


@pytest.mark.usefixtures("polled")
def test_bulk_and_link_are_filled_from_the_copy_too(api: ApiClient) -> None:
    known, unknown = (
        {"name": "A", "goalQuantity": 1, "jiraTicketKey": k} for k in ("PI-42", "PI-99999")
    )
    results = api.post("/api/jobs/bulk", {"jobs": [known, unknown]}).get_json()["results"]
    assert [r["job"]["jiraSync"]["status"] for r in results] == ["filled", "pending"]
    made = api.post("/api/jira/link", {"ticketKey": "PI-42"}).get_json()["job"]
    assert (made["name"], made["goalQuantity"]) == ("Build 50 aluminum housings", 50)
    job = api.job()
    linked = api.post("/api/jira/link", {"ticketKey": "PI-42", "jobId": job["id"]})
    assert linked.status_code == 200
    assert linked.get_json()["job"]["jiraSync"]["source"] == "mirror"


def test_with_the_setting_at_0_a_known_ticket_waits_for_jira(
    settings: Settings, engine: Engine, polled: Runtime, jira: SimulatedJira
) -> None:
    never = configured(settings, jira_copy_fresh_seconds=0)
    with api_client(never, engine) as api:
        job = api.job(jiraTicketKey="PI-42")
        assert job["jiraSync"]["status"] == "pending"
        drain(polled)
        assert api.get(f"/api/jobs/{job['id']}").get_json()["jiraSync"]["source"] == "api"
    assert jira.bulk_reads() == 1


@pytest.mark.usefixtures("polled")
def test_tickets_are_listed_from_our_copy_while_jira_is_away(
    api: ApiClient, jira: SimulatedJira
) -> None:
    jira.fault("503")
    listed = api.get("/api/jira/tickets").get_json()
    assert len(listed) > 100
    assert all(one["asOf"] and not one["done"] for one in listed)
    one = api.get("/api/jira/tickets/pi-42").get_json()
    assert one["summary"] == "Build 50 aluminum housings"
    assert one["url"] == f"{jira.url}/browse/PI-42"
    missing = api.get("/api/jira/tickets/PI-99999")
    assert (missing.status_code, missing.get_json()["message"]) == (
        404,
        "Ticket not found: PI-99999",
    )


@pytest.mark.usefixtures("polled")
def test_pages_of_tickets_join_to_the_whole_list(api: ApiClient) -> None:
    whole = [one["key"] for one in api.get("/api/jira/tickets?all=true").get_json()]
    pages: list[str] = []
    address = "/api/jira/tickets?all=true&limit=150"
    while address:
        answer = api.get(address)
        pages += [one["key"] for one in answer.get_json()]
        link = answer.headers.get("Link", "")
        address = link.partition("<")[2].partition(">")[0]
    assert pages == whole


@pytest.mark.parametrize("query", ["limit=0", "cursor=xx", "cursor=QQ", "done=1", "all=maybe"])
def test_a_bad_query_of_tickets_is_refused(api: ApiClient, query: str) -> None:
    assert api.get(f"/api/jira/tickets?{query}").status_code == 400


def test_drift_shows_both_values_and_leaves_the_job_alone(api: ApiClient, engine: Engine) -> None:
    receive_ticket(engine, source=Source.POLL)
    job = api.job(jiraTicketKey="PI-42")
    later = ticket("PI-42", priority="Low", updated_at=ticket().updated_at.replace(year=2025))
    with begin(engine) as session:
        ingest(session, [("PI-42", later)], source=Source.WEBHOOK, worker="w")
    found = api.get(f"/api/jobs/{job['id']}/drift").get_json()
    assert (found["state"], found["ticketKey"]) == ("drifted", "PI-42")
    assert {"field": "jiraPriority", "job": "High", "jira": "Low", "same": False} in found["fields"]
    assert api.get(f"/api/jobs/{job['id']}").get_json()["jiraPriority"] == "High"


def test_drift_of_a_deleted_ticket_and_of_no_job(api: ApiClient, engine: Engine) -> None:
    receive_ticket(engine, source=Source.POLL)
    job = api.job(jiraTicketKey="PI-42")
    with begin(engine) as session:
        session.execute(text("UPDATE tickets SET deleted_at = now()"))
    found = api.get(f"/api/jobs/{job['id']}/drift").get_json()
    assert found["state"] == "deleted"
    assert found["deletedAt"]
    assert api.get("/api/jobs/job_none/drift").status_code == 404


@pytest.mark.usefixtures("polled")
def test_many_jobs_filled_from_the_copy_cost_as_many_statements_as_one(
    api: ApiClient, engine: Engine
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    entry = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42"}
    counts = []
    api.get("/api/jobs")
    for many in (1, 50):
        statements.clear()
        found = api.post("/api/jobs/bulk", {"jobs": [entry] * many}).get_json()
        counts.append(len(statements))
        assert {one["job"]["jiraSync"]["source"] for one in found["results"]} == {"mirror"}
    assert counts[0] == counts[1]
