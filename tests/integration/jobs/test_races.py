"""Two writers at once on one job: the answer to each, and the final row."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.database.engine import begin, in_transaction
from shared.jobs import store as jobs
from shared.models import Job, SyncTask
from shared.states import Source
from shared.sync import leases
from tests.dsl import ApiClient, ingest, ticket
from tests.support.races import in_the_way, wait_until_blocked

ROUNDS = 10


def fill(session: Session) -> int:
    """Ingest the ticket, as a bulk read does."""
    return ingest(session, [("PI-42", ticket("PI-42"))], source=Source.WEBHOOK, worker="w")


def at_once(engine: Engine, job_id: str, *calls: Any) -> list[Any]:
    """What calls answer that all wait for one job, in the order given, and are then let go."""
    with ThreadPoolExecutor(len(calls)) as pool:
        with in_the_way(engine, lambda session: jobs.lock_version(session, job_id)):
            running = []
            for call in calls:
                running.append(pool.submit(call))
                wait_until_blocked(engine, len(running))
        return [call.result() for call in running]


def test_a_job_deleted_before_its_fill_is_not_filled(api: ApiClient, engine: Engine) -> None:
    job = api.job(jiraTicketKey="PI-42")
    deleted, filled = at_once(
        engine,
        job["id"],
        lambda: api.delete(f"/api/jobs/{job['id']}"),
        lambda: in_transaction(engine, fill),
    )
    assert (deleted.status_code, filled) == (204, 0)
    with begin(engine) as session:
        task = session.get_one(SyncTask, job["jiraSync"]["taskId"])
        assert session.get(Job, job["id"]) is None
    assert (task.status, task.error_code) == ("cancelled", "job_deleted")


def test_a_job_filled_before_it_is_deleted_leaves_a_filled_task(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job(jiraTicketKey="PI-42")
    filled, deleted = at_once(
        engine,
        job["id"],
        lambda: in_transaction(engine, fill),
        lambda: api.delete(f"/api/jobs/{job['id']}"),
    )
    assert (deleted.status_code, filled) == (204, 1)
    with begin(engine) as session:
        assert session.get_one(SyncTask, job["jiraSync"]["taskId"]).status == "filled"
        assert session.get(Job, job["id"]) is None


def test_a_worker_that_read_the_ticket_of_a_deleted_job_settles_nothing(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job(jiraTicketKey="PI-42")
    with begin(engine) as session:
        held = leases.claim(session, lease_seconds=60)
    api.delete(f"/api/jobs/{job['id']}")
    with begin(engine) as session:
        readings = [("PI-42", ticket("PI-42"))]
        assert ingest(session, readings, source=Source.API, worker="w", claims=held) == 0
        assert session.get_one(SyncTask, held[0].task_id).status == "cancelled"


def test_deletes_and_fills_in_any_order_never_break_each_other(
    api: ApiClient, engine: Engine
) -> None:
    made = [api.job(jiraTicketKey="PI-42") for _ in range(ROUNDS)]
    with ThreadPoolExecutor(4) as pool:
        fills = [pool.submit(in_transaction, engine, fill) for _ in range(2)]
        deletes = [pool.submit(api.delete, f"/api/jobs/{job['id']}") for job in made]
        assert {call.result().status_code for call in deletes} == {204}
        assert sum(call.result() for call in fills) <= ROUNDS
    with begin(engine) as session:
        states = {task.status for task in session.query(SyncTask)}
        assert session.query(Job).count() == 0
    assert states <= {"filled", "cancelled"}


def test_of_two_links_at_once_one_wins_and_the_other_learns_to_what(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job()
    first, second = at_once(
        engine,
        job["id"],
        lambda: api.post("/api/jira/link", {"jobId": job["id"], "ticketKey": "PI-1"}),
        lambda: api.post("/api/jira/link", {"jobId": job["id"], "ticketKey": "PI-2"}),
    )
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.get_json()["message"] == "Job is already linked to PI-1"
    with begin(engine) as session:
        assert [task.ticket_key for task in session.query(SyncTask)] == ["PI-1"]


def test_of_two_deletes_at_once_one_finds_nothing(api: ApiClient, engine: Engine) -> None:
    job = api.job()
    answers = at_once(
        engine, job["id"], *[lambda: api.delete(f"/api/jobs/{job['id']}") for _ in range(2)]
    )
    assert [answer.status_code for answer in answers] == [204, 404]


def test_a_link_of_a_job_being_deleted_finds_nothing(api: ApiClient, engine: Engine) -> None:
    job = api.job()
    deleted, linked = at_once(
        engine,
        job["id"],
        lambda: api.delete(f"/api/jobs/{job['id']}"),
        lambda: api.post("/api/jira/link", {"jobId": job["id"], "ticketKey": "PI-1"}),
    )
    assert (deleted.status_code, linked.status_code) == (204, 404)
    with begin(engine) as session:
        assert session.query(SyncTask).count() == 0


def test_of_two_updates_with_the_same_tag_one_is_refused_as_late(
    api: ApiClient, engine: Engine
) -> None:
    job = api.job()
    headers = {"If-Match": api.get(f"/api/jobs/{job['id']}").headers["ETag"]}
    first, second = at_once(
        engine,
        job["id"],
        *[
            lambda name=name: api.patch(f"/api/jobs/{job['id']}", {"name": name}, headers=headers)
            for name in ("first", "second")
        ],
    )
    assert (first.status_code, second.status_code) == (200, 412)
    assert api.get(f"/api/jobs/{job['id']}").get_json()["name"] == "first"


def test_an_update_while_it_is_filled_keeps_both(api: ApiClient, engine: Engine) -> None:
    job = api.post("/api/jira/link", {"ticketKey": "PI-42"}).get_json()["job"]
    filled, updated = at_once(
        engine,
        job["id"],
        lambda: in_transaction(engine, fill),
        lambda: api.patch(f"/api/jobs/{job['id']}", {"name": "Mine"}),
    )
    assert (filled, updated.status_code) == (1, 200)
    found = api.get(f"/api/jobs/{job['id']}").get_json()
    assert (found["name"], found["goalQuantity"]) == ("Mine", 50)
    assert found["updatedAt"] == updated.get_json()["updatedAt"]
