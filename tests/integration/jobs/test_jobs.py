"""One job: read, update, delete, and the entity tag that protects changes."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import Job, SyncTask
from shared.states import FailureCode, WaitCode
from shared.sync import leases, pauses
from shared.sync import settle as sync_settle
from tests.dsl import ApiClient, receive_ticket
from tests.support.data.routes import path, units

ANYWHERE = "job_01h455vb4pex5vsknk084sn02q"


def sync_of(api: ApiClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job's ``jiraSync`` now."""
    found: dict[str, Any] = api.get(f"/api/jobs/{job['id']}").get_json()["jiraSync"]
    return found


@pytest.mark.parametrize("call", ["get", "put", "patch", "delete"])
def test_a_job_that_is_not_there_is_named(api: ApiClient, call: str) -> None:
    for job_id in (ANYWHERE, "x", "job_", "é"):
        arguments = ({"name": ""},) if call in ("put", "patch") else ()
        answer = getattr(api, call)(f"/api/jobs/{job_id}", *arguments)
        assert answer.status_code == 404
        assert answer.get_json()["message"] == f"Job not found: {job_id}"


def test_a_job_shows_its_paths_and_progress(api: ApiClient, engine: Engine) -> None:
    line = path(engine, "Mill", "Deburr")
    units(engine, line, 3)
    shown = api.get(f"/api/jobs/{line.job_id}").get_json()
    assert [(p["id"], p["jobId"], p["name"]) for p in shown["paths"]] == [
        (line.id, line.job_id, "Main line")
    ]
    assert [(s["name"], s["order"]) for s in shown["paths"][0]["steps"]] == [
        ("Mill", 0),
        ("Deburr", 1),
    ]
    assert shown["progress"] == {
        "totalGoal": 5,
        "totalCompleted": 0,
        "percentComplete": 0,
        "pathProgress": [
            {
                "pathId": line.id,
                "pathName": "Main line",
                "goal": 10,
                "completed": 0,
                "percentComplete": 0,
            }
        ],
    }


def test_a_job_without_paths_has_no_progress(api: ApiClient) -> None:
    shown = api.get(f"/api/jobs/{api.job(goalQuantity=7)['id']}").get_json()
    assert shown["progress"] == {
        "totalGoal": 7,
        "totalCompleted": 0,
        "percentComplete": 0,
        "pathProgress": [],
    }


def test_a_filled_job_shows_what_came_and_from_where(api: ApiClient, engine: Engine) -> None:
    job = api.job(jiraTicketKey="PI-42", jiraPriority="Low")
    receive_ticket(engine)
    shown = api.get(f"/api/jobs/{job['id']}").get_json()
    assert shown["jiraPriority"] == "Low"
    assert shown["jiraPartNumber"] == "ALU-HOUSING-7075"
    assert shown["updatedAt"] > job["updatedAt"]
    assert shown["jiraSync"] == {
        "status": "filled",
        "taskId": job["jiraSync"]["taskId"],
        "attempts": 1,
        "filledAt": shown["jiraSync"]["filledAt"],
        "source": "webhook",
    }


def test_a_failed_fill_says_why_in_plain_words(api: ApiClient, engine: Engine) -> None:
    job = api.job(jiraTicketKey="PI-404")
    with begin(engine) as session:
        claims = leases.claim(session, lease_seconds=60)
        sync_settle.fail(session, claims, code=FailureCode.TICKET_NOT_FOUND, worker="w")
    found = sync_of(api, job)
    assert found["status"] == "failed"
    assert found["error"]["code"] == "ticket_not_found"
    assert "PI-404" in found["error"]["message"]


def test_a_pause_shows_as_what_the_job_waits_for_and_moves_its_next_attempt(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job(jiraTicketKey="PI-42")
    with begin(engine) as session:
        claims = leases.claim(session, lease_seconds=60)
        sync_settle.wait(session, claims, code="jira_down", message="m", worker="w")
        pauses.begin(
            session, credentials="c", code=WaitCode.JIRA_DOWN, message="Jira is away", delay=600
        )
        due, until = session.execute(
            text("SELECT due_at, until FROM sync_tasks, jira_pauses")
        ).one()
    found = sync_of(api, job)
    assert found["waitingFor"] == {"code": "jira_down", "message": "Jira is away"}
    assert until > due
    assert found["nextAttemptAt"][:19] == until.isoformat()[:19]


def test_a_new_job_says_at_once_what_holds_it_up(api: ApiClient, engine: Engine) -> None:
    with begin(engine) as session:
        pauses.begin(
            session, credentials="c", code=WaitCode.JIRA_DOWN, message="Jira is away", delay=600
        )
    waiting = {"code": "jira_down", "message": "Jira is away"}
    made = api.job(jiraTicketKey="PI-42")
    entry = {"name": "JOB-1", "goalQuantity": 5}
    bulk = api.post("/api/jobs/bulk", {"jobs": [{**entry, "jiraTicketKey": "PI-1"}, entry]})
    first, plain = (result["job"] for result in bulk.get_json()["results"])
    linked = api.post("/api/jira/link", {"ticketKey": "PI-2"}).get_json()["job"]
    listed = api.get("/api/jobs?jiraSync=pending").get_json()
    assert len(listed) == 3
    for job in (made, first, linked, *listed):
        assert job["jiraSync"]["waitingFor"] == waiting
        assert "nextAttemptAt" not in job["jiraSync"]
    assert "jiraSync" not in plain


def test_a_pause_without_end_promises_no_next_attempt(api: ApiClient, engine: Engine) -> None:
    job = api.job(jiraTicketKey="PI-42")
    with begin(engine) as session:
        claims = leases.claim(session, lease_seconds=60)
        sync_settle.wait(session, claims, code="captcha_lock", message="m", worker="w")
        pauses.begin(
            session, credentials="c", code=WaitCode.CAPTCHA_LOCK, message="locked", delay=None
        )
    found = sync_of(api, job)
    assert found["waitingFor"]["code"] == "captcha_lock"
    assert "nextAttemptAt" not in found


def test_a_task_never_tried_promises_no_moment(api: ApiClient) -> None:
    assert set(sync_of(api, api.job(jiraTicketKey="PI-42"))) == {"status", "taskId", "attempts"}


@pytest.mark.parametrize("call", ["put", "patch"])
def test_an_update_changes_what_it_says_and_moves_the_moment_always(
    api: ApiClient, call: str
) -> None:
    job = api.job(name="Old", goalQuantity=5)
    update = getattr(api, call)
    renamed = update(f"/api/jobs/{job['id']}", {"name": " New "}).get_json()
    assert (renamed["name"], renamed["goalQuantity"]) == ("New", 5)
    same = update(f"/api/jobs/{job['id']}", {}).get_json()
    assert (same["name"], same["goalQuantity"]) == ("New", 5)
    assert job["updatedAt"] < renamed["updatedAt"] < same["updatedAt"]
    assert same["createdAt"] == job["createdAt"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"name": ""}', b'{"goalQuantity": "5"}', b'{"a":1,"a":2}']
)
def test_an_update_looks_the_job_up_before_it_judges_the_body(api: ApiClient, body: bytes) -> None:
    job = api.job()
    for call in ("PUT", "PATCH"):
        assert api.raw(call, f"/api/jobs/{ANYWHERE}", body).status_code == 404
        assert api.raw(call, f"/api/jobs/{job['id']}", body).status_code == 400
    wrong_type = api.raw("PUT", f"/api/jobs/{ANYWHERE}", b"{}", content_type="text/plain")
    assert wrong_type.status_code == 404


def test_what_a_client_says_of_a_job_made_from_a_ticket_stays_at_the_fill(
    api: ApiClient, engine: Engine
) -> None:
    job = api.post("/api/jira/link", {"ticketKey": "PI-42"}).get_json()["job"]
    api.patch(f"/api/jobs/{job['id']}", {"name": "Mine"})
    receive_ticket(engine)
    shown = api.get(f"/api/jobs/{job['id']}").get_json()
    assert (shown["name"], shown["goalQuantity"]) == ("Mine", 50)


HOLDING = ['"{v}"', '"0", "{v}"', "*", '"{v}" ,"9"']
NOT_HOLDING = ['"0"', 'W/"{v}"', '"0", "9"', "nonsense", ""]


@pytest.mark.parametrize("sent", HOLDING)
def test_an_update_whose_if_match_holds_is_done(api: ApiClient, sent: str) -> None:
    job = api.job()
    tag = api.get(f"/api/jobs/{job['id']}").headers["ETag"]
    headers = {"If-Match": sent.replace('"{v}"', tag)}
    answer = api.patch(f"/api/jobs/{job['id']}", {"name": "New"}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["ETag"] not in ("", tag)
    assert api.get(f"/api/jobs/{job['id']}").headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize("sent", NOT_HOLDING)
def test_a_change_whose_if_match_does_not_hold_is_refused(api: ApiClient, sent: str) -> None:
    job = api.job()
    tag = api.get(f"/api/jobs/{job['id']}").headers["ETag"]
    headers = {"If-Match": sent.replace('"{v}"', tag)}
    for answer in (
        api.patch(f"/api/jobs/{job['id']}", {"name": "New"}, headers=headers),
        api.put(f"/api/jobs/{job['id']}", {"name": "New"}, headers=headers),
        api.delete(f"/api/jobs/{job['id']}", headers=headers),
    ):
        assert answer.status_code == 412
        assert answer.get_json()["code"] == "precondition_failed"
    assert api.get(f"/api/jobs/{job['id']}").get_json()["name"] == "JOB-1"


def test_the_tag_moves_by_update_link_and_fill_and_not_by_attempts(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job()

    def tag() -> str:
        return api.get(f"/api/jobs/{job['id']}").headers["ETag"]

    seen = [tag()]
    api.patch(f"/api/jobs/{job['id']}", {})
    seen.append(tag())
    api.post("/api/jira/link", {"jobId": job["id"], "ticketKey": "PI-42"})
    seen.append(tag())
    with begin(engine) as session:
        claims = leases.claim(session, lease_seconds=60)
        sync_settle.wait(session, claims, code="jira_down", message="m", worker="w")
    assert tag() == seen[-1]
    receive_ticket(engine)
    seen.append(tag())
    assert len(set(seen)) == len(seen)


def test_a_deleted_job_is_gone_and_its_task_cancelled_for_good(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job(jiraTicketKey="PI-42")
    answer = api.delete(f"/api/jobs/{job['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert api.get(f"/api/jobs/{job['id']}").status_code == 404
    receive_ticket(engine)
    with begin(engine) as session:
        assert session.get(Job, job["id"]) is None
        task = session.get_one(SyncTask, job["jiraSync"]["taskId"])
    assert (task.status, task.error_code, task.job_id) == ("cancelled", "job_deleted", job["id"])


def test_a_job_with_paths_is_kept_unless_they_go_with_it(api: ApiClient, engine: Engine) -> None:
    line = path(engine)
    units(engine, line, 2)
    refused = api.delete(f"/api/jobs/{line.job_id}")
    assert refused.status_code == 409
    assert refused.get_json()["message"] == (
        "Cannot delete job: it has 1 path(s). Remove all paths first."
    )
    assert api.get(f"/api/jobs/{line.job_id}").status_code == 200
    assert api.delete(f"/api/jobs/{line.job_id}?cascade=false").status_code == 409
    assert api.delete(f"/api/jobs/{line.job_id}?cascade=true").status_code == 204
    with begin(engine) as session:
        left = session.execute(
            text("SELECT (SELECT count(*) FROM paths) + (SELECT count(*) FROM serials)")
        ).scalar_one()
    assert left == 0
