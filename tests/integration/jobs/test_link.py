"""POST /api/jira/link: an existing job, or a new one made from the ticket."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import Job
from shared.states import Source
from tests.dsl import ApiClient, receive_ticket

FIVE: dict[str, Any] = {
    "jiraTicketSummary": "Build",
    "jiraPartNumber": "P-1",
    "jiraPriority": "High",
    "jiraEpicLink": "PI-10",
    "jiraLabels": [],
}


def link(api: ApiClient, **body: Any) -> Any:
    """The answer to a link."""
    return api.post("/api/jira/link", body)


def test_an_existing_job_is_linked_and_filled_where_it_is_empty(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job(name="Mine", jiraPriority="Low")
    answer = link(api, ticketKey=" pi-42 ", jobId=job["id"])
    assert answer.status_code == 200
    linked = answer.get_json()["job"]
    assert (linked["jiraTicketKey"], linked["jiraSync"]["status"]) == ("PI-42", "pending")
    assert linked["updatedAt"] > job["updatedAt"]
    receive_ticket(engine, source=Source.POLL)
    shown = api.get(f"/api/jobs/{job['id']}").get_json()
    assert (shown["name"], shown["goalQuantity"], shown["jiraPriority"]) == ("Mine", 5, "Low")
    assert shown["jiraPartNumber"] == "ALU-HOUSING-7075"


def test_a_job_that_lacks_nothing_but_the_key_is_filled_by_the_link(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job(**FIVE)
    linked = link(api, ticketKey="PI-42", jobId=job["id"]).get_json()["job"]
    assert "jiraSync" not in linked
    with begin(engine) as session:
        assert session.get_one(Job, job["id"]).jira_filled_at is not None
        assert session.execute(text("SELECT count(*) FROM sync_tasks")).scalar_one() == 0


@pytest.mark.parametrize("key", ["PI-1", "PI-42"])
def test_a_linked_job_is_not_linked_again(api: ApiClient, key: str) -> None:
    job = api.job(jiraTicketKey="PI-42")
    answer = link(api, ticketKey=key, jobId=job["id"])
    assert answer.status_code == 409
    assert answer.get_json()["message"] == "Job is already linked to PI-42"
    assert answer.get_json()["code"] == "conflict"


def test_a_job_made_from_a_ticket_takes_name_and_quantity_from_it(
    api: ApiClient, engine: Engine
) -> None:
    answer = link(api, ticketKey="pi-42")
    assert answer.status_code == 201
    made = answer.get_json()["job"]
    assert (made["name"], made["goalQuantity"]) == ("PI-42", 1)
    assert answer.headers["Location"] == f"/api/jobs/{made['id']}"
    receive_ticket(engine, source=Source.POLL)
    shown = api.get(answer.headers["Location"]).get_json()
    assert (shown["name"], shown["goalQuantity"]) == ("Build 50 aluminum housings", 50)


def test_what_the_caller_gives_is_not_taken_from_the_ticket(api: ApiClient, engine: Engine) -> None:
    named = link(api, ticketKey="PI-42", name="Mine").get_json()["job"]
    counted = link(api, ticketKey="PI-42", goalQuantity=7).get_json()["job"]
    receive_ticket(engine, source=Source.POLL)
    found = [api.get(f"/api/jobs/{job['id']}").get_json() for job in (named, counted)]
    assert [(job["name"], job["goalQuantity"]) for job in found] == [
        ("Mine", 50),
        ("Build 50 aluminum housings", 7),
    ]


def test_a_ticket_without_quantity_makes_one(api: ApiClient, engine: Engine) -> None:
    made = link(api, ticketKey="PI-42").get_json()["job"]
    receive_ticket(engine, source=Source.POLL, quantity=None)
    assert api.get(f"/api/jobs/{made['id']}").get_json()["goalQuantity"] == 1


def test_what_breaks_the_contract_is_refused(api: ApiClient) -> None:
    job = api.job()
    for body, status, message in [
        ({}, 400, "ticketKey is required"),
        ({"ticketKey": "x"}, 400, "ticketKey must look like PI-42"),
        ({"ticketKey": "PI-1", "jobId": 5}, 400, "jobId must be a string"),
        ({"ticketKey": "PI-1", "name": " "}, 400, "name cannot be empty"),
        ({"ticketKey": "PI-1", "goalQuantity": 0}, 400, "goalQuantity must be greater than 0"),
        ({"ticketKey": "PI-1", "jobId": "job_none"}, 404, "Job not found: job_none"),
    ]:
        answer = link(api, **body)
        assert (answer.status_code, answer.get_json()["message"]) == (status, message)
    assert api.get("/api/jobs").get_json() == [job]
