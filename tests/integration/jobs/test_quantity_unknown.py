"""What a ticket has and nobody can read for certain: on the job, its task and its pages."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from shared.database.engine import begin
from shared.models import AuditEvent
from shared.settings import Settings
from shared.states import Source
from tests.dsl import ApiClient, configured, csrf_token, receive_ticket
from tests.support.jira.simulated import SimulatedJira
from worker.runtime import Runtime
from worker.sync.drain import drain

ORDERED = "customfield_10928"
ASSETS = "customfield_10927"
IDS_ALONE = [{"workspaceId": "w", "id": "w:1", "objectId": "1"}]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A quantity in a text field, and a part number that is an object of Assets."""
    fields = {"jira_field_quantity": ORDERED, "jira_field_part_number": ASSETS}
    return configured(settings, **fields)


def linked(api: ApiClient, runtime: Runtime, jira: SimulatedJira, **fields: Any) -> dict[str, Any]:
    """A job made from PI-80 with these values in Jira, after the worker has filled it."""
    store = jira.simulator.store
    store.edit(store.get("PI-80").id, fields)
    made = api.post("/api/jira/link", {"ticketKey": "PI-80"}).get_json()["job"]
    assert (made["goalQuantity"], "quantityUnknown" in made) == (1, False)
    drain(runtime)
    shown: dict[str, Any] = api.get(f"/api/jobs/{made['id']}").get_json()
    assert shown["jiraSync"]["status"] == "filled"
    return shown


@pytest.mark.parametrize("says", ["1,000", "1.000", "12 pcs", "ca. 5", "5-6", "1e3", "0", "-4"])
def test_a_quantity_that_is_not_certain_never_becomes_one_in_silence(
    api: ApiClient, runtime: Runtime, jira: SimulatedJira, says: str
) -> None:
    job = linked(api, runtime, jira, customfield_10928=says)
    assert "goalQuantity" not in job
    message = f"quantity unknown: Jira says '{says}'"
    assert job["quantityUnknown"] == {"jiraSays": says, "message": message}
    assert "totalGoal" not in job["progress"]
    assert job["progress"]["percentComplete"] == 0
    task = api.get(f"/api/sync/tasks/{job['jiraSync']['taskId']}").get_json()
    assert task["notes"] == [{"field": "goalQuantity", "message": message}]


def test_a_client_settles_an_unknown_quantity(
    api: ApiClient, runtime: Runtime, jira: SimulatedJira
) -> None:
    job = linked(api, runtime, jira, customfield_10928="1,000")
    address = f"/api/jobs/{job['id']}"
    other = api.job(name="Known")
    path = {"jobId": job["id"], "name": "P", "goalQuantity": 3, "steps": [{"name": "Mill"}]}
    assert api.post("/api/paths", path).status_code == 201
    assert api.get("/api/sync/summary").get_json()["quantityUnknown"] == 1

    tag = api.get(address).headers["ETag"]
    renamed = api.patch(address, {"name": "Renamed"}).get_json()
    assert "goalQuantity" not in renamed
    assert renamed["quantityUnknown"]["jiraSays"] == "1,000"
    assert api.patch(address, {"goalQuantity": 0}).status_code == 400
    unknown = api.get("/api/jobs?quantityUnknown=true").get_json()
    assert [one["id"] for one in unknown] == [job["id"]]
    known = api.get("/api/jobs?quantityUnknown=false").get_json()
    assert [one["id"] for one in known] == [other["id"]]

    settled = api.put(address, {"goalQuantity": 1})
    assert settled.get_json()["goalQuantity"] == 1
    assert "quantityUnknown" not in settled.get_json()
    assert settled.headers["ETag"] != tag
    assert api.get(address).get_json()["progress"]["totalGoal"] == 1
    assert api.get("/api/jobs?quantityUnknown=true").get_json() == []
    assert api.get("/api/sync/summary").get_json()["quantityUnknown"] == 0


def test_what_is_certain_absent_or_given_is_no_question(
    api: ApiClient, engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    given = {"ticketKey": "PI-42", "goalQuantity": 7}
    made = [
        api.post("/api/jira/link", body).get_json()["job"]["id"]
        for body in (given, {"ticketKey": "PI-43"})
    ]
    for key, unread in (("PI-42", "1,000"), ("PI-43", None)):
        receive_ticket(engine, key, source=Source.POLL, quantity=None, quantity_unread=unread)
    found = [api.get(f"/api/jobs/{one}").get_json() for one in made]
    assert [one["goalQuantity"] for one in found] == [7, 1]
    assert not any("quantityUnknown" in one for one in found)
    assert linked(api, runtime, jira, customfield_10928=" 050 ")["goalQuantity"] == 50


def test_a_value_that_cannot_be_read_is_said_on_the_job_and_its_task(
    api: ApiClient, runtime: Runtime, jira: SimulatedJira
) -> None:
    job = linked(api, runtime, jira, customfield_10927=IDS_ALONE, customfield_10928="5")
    assert "jiraPartNumber" not in job
    (note,) = job["jiraSync"]["notes"]
    assert note["field"] == "jiraPartNumber"
    assert (
        "customfield_10927 cannot be read: an object with id, objectId, workspaceId"
        in note["message"]
    )
    task = api.get(f"/api/sync/tasks/{job['jiraSync']['taskId']}").get_json()
    assert task["notes"] == [note]
    sent = api.job(jiraTicketKey="PI-80", jiraPartNumber="MINE")
    drain(runtime)
    kept = api.get(f"/api/jobs/{sent['id']}").get_json()
    assert (kept["jiraPartNumber"], "notes" in kept["jiraSync"]) == ("MINE", False)


def test_the_pages_show_both_and_an_operator_settles_the_quantity_once(
    api: ApiClient, engine: Engine, runtime: Runtime, jira: SimulatedJira, pages: FlaskClient
) -> None:
    job = linked(api, runtime, jira, customfield_10927=IDS_ALONE, customfield_10928="1,000")
    address = f"/jobs/{job['id']}"
    shown = pages.get(address).text
    assert "Jira says “1,000”" in shown
    assert "an object with id, objectId, workspaceId" in shown
    assert "quantity unknown" in pages.get("/jobs?quantityUnknown=true").text
    assert "1 job waits for a quantity" in pages.get("/").text
    task = pages.get(f"/tasks/{job['jiraSync']['taskId']}").text
    assert "unknown: Jira says “1,000”" in task
    assert "an object with id, objectId, workspaceId" in task

    def send(quantity: str) -> str:
        form = {"csrf_token": csrf_token(pages.get(address).text), "goalQuantity": quantity}
        return pages.post(f"{address}/quantity", data=form, follow_redirects=True).text

    assert "goalQuantity must be greater than 0" in send("0")
    assert "goalQuantity must be a number" in send("many")
    assert "quantityUnknown" in api.get(f"/api{address}").get_json()
    token = csrf_token(pages.get(address).text)
    assert "Quantity set." in send("60")
    late = {"csrf_token": token, "goalQuantity": "70"}
    assert (
        "known already" in pages.post(f"{address}/quantity", data=late, follow_redirects=True).text
    )
    assert api.get(f"/api{address}").get_json()["goalQuantity"] == 60
    with begin(engine) as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "update"))
        assert (event.subject, event.counts) == (job["id"], {"goalQuantity": 60})
    assert "Changed a job" in pages.get("/audit").text
