"""Sites that choose their own keys: created, read, polled, announced and listed like any other."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.dsl import ApiClient, api_client, configured, worker
from tests.support.jira.hooks import Inbox, issue, payload
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.simulator.config import Deployment
from worker.sync.drain import drain
from worker.webhooks.deliver import deliver

ODD = "W.1"
"""Only Jira names tickets of this one: by default its keys are no keys in our requests."""
PROJECTS = ["4ME", "X", "B7-214", "B7", "A_B", "ÄÖ", "ORDER", ODD]


@pytest.fixture(params=[Deployment.SERVER, Deployment.CLOUD], ids=["datacenter", "cloud"])
def jira(request: pytest.FixtureRequest) -> Iterator[SimulatedJira]:
    """A Jira with such projects, with a ticket in each; a Cloud that has them is accepted too."""
    with simulated_jira(deployment=request.param) as jira:
        for key in PROJECTS:
            jira.control("POST", "projects", {"key": key})
            jira.control("POST", "tickets", {"project": key, "fields": {"summary": f"In {key}"}})
        yield jira


@pytest.fixture
def settings(settings: Settings, jira: SimulatedJira) -> Settings:
    """These projects are polled. The settings say nothing of a Cloud's keys."""
    cloud = jira.simulator.config.deployment is Deployment.CLOUD
    return configured(
        settings,
        jira_base_url=jira.url,
        jira_deployment="cloud" if cloud else "datacenter",
        jira_pat=None if cloud else "simulator-pat",
        jira_project=PROJECTS,
        jira_field_epic_link="",
        jira_key_pattern="" if not cloud else r".+-[1-9]\d*",
        jira_requests_per_minute=60_000,
    )


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    """A worker."""
    with worker(settings) as runtime:
        yield runtime


@pytest.fixture
def api(settings: Settings, engine: Engine) -> Iterator[ApiClient]:
    """The API."""
    with api_client(settings, engine) as client:
        yield client


def test_jobs_on_such_tickets_are_filled(api: ApiClient, runtime: Runtime) -> None:
    keys = [f"{project}-1" for project in PROJECTS if project != ODD]
    jobs = {key: api.job(jiraTicketKey=key.lower())["id"] for key in keys}
    drain(runtime)
    for key, job_id in jobs.items():
        found = api.get(f"/api/jobs/{job_id}").get_json()
        project = key.rpartition("-")[0]
        assert found["jiraTicketSummary"] == f"In {project}", found
        assert api.get("/api/jobs", query_string={"jiraTicketKey": key}).get_json()


def test_a_poll_brings_them_and_a_list_tells_the_projects_apart(
    api: ApiClient, runtime: Runtime, engine: Engine
) -> None:
    poll(runtime)
    listed = api.get("/api/jira/tickets").get_json()
    assert {one["key"] for one in listed} == {f"{project}-1" for project in PROJECTS}
    for project in PROJECTS:
        found = api.get("/api/jira/tickets", query_string={"project": project.lower()})
        assert [one["key"] for one in found.get_json()] == [f"{project}-1"]
        assert api.get(f"/api/jira/tickets/{project}-1").status_code == 200
    with begin(engine) as session:
        session.execute(text("UPDATE jira_polls SET complete_as_of = '2099-01-01'"))
    listed = api.get("/api/jira/tickets").get_json()
    assert {one["asOf"] for one in listed} == {"2099-01-01T00:00:00.000Z"}


def test_webhooks_about_them_are_applied(api: ApiClient, runtime: Runtime, inbox: Inbox) -> None:
    job = api.job(jiraTicketKey="B7-214-1")
    body = payload(about=issue("4ME-7", issue_id="4711"), moved_from="B7-214-1")
    delivery_id = inbox.put(body)
    deliver(runtime)
    assert inbox.row(delivery_id).outcome == "filled"
    assert api.get(f"/api/jobs/{job['id']}").get_json()["jiraPartNumber"] == "ALU-HOUSING-7075"
    listed = api.get("/api/webhooks/deliveries", query_string={"ticketKey": "4me-7"})
    assert [one["id"] for one in listed.get_json()] == [delivery_id]
