"""POST /api/jobs as in spec/create-job.txt, with its exact messages and curl examples."""

import re
import shlex
from typing import Any

import pytest
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from shared.database.engine import begin, make_engine
from shared.models import Job, SyncTask
from shared.settings import Settings
from tests.dsl import ApiClient, api_client

REQUEST_FULL = r"""
curl -X POST http://localhost:3000/api/jobs \
-H "Content-Type: application/json" \
-d '{
"name": "JOB-2024-001",
"goalQuantity": 50,
"jiraTicketKey": "PI-42",
"jiraTicketSummary": "Build 50 aluminum housings",
"jiraPartNumber": "ALU-HOUSING-7075",
"jiraPriority": "High",
"jiraEpicLink": "PI-10",
"jiraLabels": ["Q1-2024", "rush"]
}'
"""
RESPONSE_FULL = """
{
"id": "job_abc123",
"name": "JOB-2024-001",
"goalQuantity": 50,
"jiraTicketKey": "PI-42",
"jiraTicketSummary": "Build 50 aluminum housings",
"jiraPartNumber": "ALU-HOUSING-7075",
"jiraPriority": "High",
"jiraEpicLink": "PI-10",
"jiraLabels": ["Q1-2024", "rush"],
"createdAt": "2024-01-15T10:30:00.000Z",
"updatedAt": "2024-01-15T10:30:00.000Z"
}
"""
REQUEST_MINIMAL = r"""
curl -X POST http://localhost:3000/api/jobs \
-H "Content-Type: application/json" \
-d '{
"name": "JOB-2024-002",
"goalQuantity": 200
}'
"""
RESPONSE_MINIMAL = """
{
"id": "job_def456",
"name": "JOB-2024-002",
"goalQuantity": 200,
"createdAt": "2024-01-16T14:00:00.000Z",
"updatedAt": "2024-01-16T14:00:00.000Z"
}
"""
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def run(api: ApiClient, command: str) -> TestResponse:
    """Do what a curl command of the source document does."""
    program, _, method, address, _, header, _, body = shlex.split(command.replace("\\\n", " "))
    assert program == "curl"
    path = address.removeprefix("http://localhost:3000")
    content_type = header.removeprefix("Content-Type: ")
    return api.raw(method, path, body.encode(), content_type=content_type)


def in_shape(answer: str) -> str:
    """An answer with generated values replaced by placeholders, and without white space."""
    spaced = re.sub(r'("id":\s*)"job_[a-z0-9]+"', r'\1"ID"', answer)
    spaced = MILLISECONDS.sub("MOMENT", spaced)
    return re.sub(r"\s", "", spaced)


@pytest.mark.parametrize(
    ("request_text", "response_text"),
    [(REQUEST_FULL, RESPONSE_FULL), (REQUEST_MINIMAL, RESPONSE_MINIMAL)],
    ids=["full payload", "minimal payload"],
)
def test_the_examples_of_the_source_document_answer_as_printed(
    api: ApiClient, request_text: str, response_text: str
) -> None:
    answer = run(api, request_text)
    assert answer.status_code == 201
    assert in_shape(answer.text) == in_shape(response_text)
    created = answer.get_json()
    assert created["createdAt"] == created["updatedAt"]
    assert answer.headers["Location"] == f"/api/jobs/{created['id']}"
    shown = api.get(answer.headers["Location"]).get_json()
    assert created.items() <= shown.items()


MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"goalQuantity": 5}, "name is required"),
    ({"name": "", "goalQuantity": 5}, "name is required"),
    ({"name": "JOB-1"}, "goalQuantity is required"),
    ({"name": "JOB-1", "goalQuantity": 0}, "goalQuantity must be greater than 0"),
    ({"name": "JOB-1", "goalQuantity": -5}, "goalQuantity must be greater than 0"),
    ({"name": "JOB-1", "goalQuantity": "five"}, "goalQuantity must be a number"),
]


@pytest.mark.parametrize(("content", "message"), MESSAGES, ids=lambda value: repr(value)[:50])
def test_a_body_that_fails_validation_gets_the_message_of_the_source_document(
    api: ApiClient, content: dict[str, Any], message: str
) -> None:
    answer = api.post("/api/jobs", content)
    assert answer.status_code == 400
    assert answer.get_json() == {
        "statusCode": 400,
        "code": "validation_error",
        "message": message,
        "errors": [{"field": message.partition(" ")[0], "message": message}],
        "requestId": answer.headers["X-Request-ID"],
    }


def test_a_database_write_failure_says_internal_server_error_and_no_more(
    api: ApiClient, engine: Engine
) -> None:
    with begin(engine) as session:
        session.execute(text("ALTER TABLE jobs ADD CONSTRAINT broken CHECK (name <> 'secret')"))
    answer = api.post("/api/jobs", {"name": "secret", "goalQuantity": 5})
    assert answer.status_code == 500
    assert answer.get_json() == {
        "statusCode": 500,
        "code": "internal_error",
        "message": "Internal Server Error",
        "requestId": answer.headers["X-Request-ID"],
    }


def test_without_a_database_connection_the_client_gets_retry_after(
    settings: Settings,
) -> None:
    nowhere = make_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")
    with api_client(settings, nowhere) as api:
        answer = api.post("/api/jobs", {"name": "JOB-1", "goalQuantity": 5})
    nowhere.dispose()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.get_json()["code"] == "database_unavailable"


def test_the_id_and_moments_are_made_by_the_server(api: ApiClient) -> None:
    wished = {"id": "job_mine", "createdAt": "2001-01-01T00:00:00.000Z", "version": 7}
    created = api.job(**wished)
    assert created["id"] != "job_mine"
    assert created["id"].startswith("job_")
    assert MILLISECONDS.fullmatch(created["createdAt"])
    assert not created["createdAt"].startswith("2001")


def test_names_need_not_be_unique(api: ApiClient) -> None:
    assert api.job(name="twin")["id"] != api.job(name="twin")["id"]


def test_creating_a_job_creates_no_paths(api: ApiClient) -> None:
    assert api.get(f"/api/jobs/{api.job()['id']}").get_json()["paths"] == []


def test_jira_fields_cannot_be_modified_by_an_update(api: ApiClient) -> None:
    job = run(api, REQUEST_FULL).get_json()
    sent = {"name": "New", "jiraTicketKey": "PI-1", "jiraPriority": "Low", "jiraLabels": []}
    for call in (api.put, api.patch):
        answer = call(f"/api/jobs/{job['id']}", sent)
        assert answer.status_code == 200
        changed = {**job, "name": "New", "updatedAt": answer.get_json()["updatedAt"]}
        assert answer.get_json() == changed


def test_a_ticket_with_something_left_to_fill_gets_a_sync_task_with_the_request_id(
    api: ApiClient, engine: Engine
) -> None:
    body = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "pi-42", "jiraPriority": "Low"}
    answer = api.post("/api/jobs", body, headers={"X-Request-ID": "erp-7"})
    created = answer.get_json()
    task_id = created["jiraSync"]["taskId"]
    assert created["jiraSync"] == {"status": "pending", "taskId": task_id, "attempts": 0}
    with begin(engine) as session:
        task = session.get_one(SyncTask, task_id)
        job = session.get_one(Job, created["id"])
    assert (task.job_id, task.ticket_key, task.request_id) == (job.id, "PI-42", "erp-7")
    assert job.jira_filled_at is None


def test_no_labels_given_as_a_list_count_as_given(api: ApiClient, engine: Engine) -> None:
    full = {
        "jiraTicketKey": "PI-42",
        "jiraTicketSummary": "Build",
        "jiraPartNumber": "P-1",
        "jiraPriority": "High",
        "jiraEpicLink": "PI-10",
        "jiraLabels": [],
    }
    created = api.job(**full)
    assert "jiraSync" not in created
    assert created["jiraLabels"] == []
    with begin(engine) as session:
        assert session.get_one(Job, created["id"]).jira_filled_at is not None


def test_a_sane_request_id_is_taken_and_any_other_replaced(api: ApiClient) -> None:
    sane = api.get("/healthz", headers={"X-Request-ID": "erp-2024:7/a"})
    assert sane.headers["X-Request-ID"] == "erp-2024:7/a"
    for bad in ("", "two words", "x" * 129, "{}", "-x"):
        made = api.get("/healthz", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert made != bad
        assert re.fullmatch(r"[0-9a-f]{32}", made)
