"""``Prefer: wait``: the answer waits until the fill has ended, for a limited number of requests."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine

from shared.database.engine import begin
from shared.settings import Settings
from shared.states import FailureCode
from shared.sync import leases
from shared.sync import settle as sync_settle
from tests.dsl import ApiClient, api_client, receive_ticket
from tests.support.servers import postgres
from tests.support.waiting import eventually

BODY: dict[str, Any] = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42"}


def create_and_wait(api: ApiClient, prefer: str, **changes: Any) -> Any:
    """The answer to a create with this preference."""
    return api.post("/api/jobs", {**BODY, **changes}, headers={"Prefer": prefer})


def later(pool: ThreadPoolExecutor, api: ApiClient, prefer: str, **changes: Any) -> Future[Any]:
    """The same in a thread; returns when its job is stored."""
    before = len(api.get("/api/jobs").get_json())
    call = pool.submit(create_and_wait, api, prefer, **changes)
    eventually(lambda: len(api.get("/api/jobs").get_json()) > before)
    return call


def test_a_script_gets_the_filled_job_in_one_call(api: ApiClient, engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = later(pool, api, "wait=10")
        receive_ticket(engine)
        answer = call.result(timeout=8)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (201, "wait=10")
    found = answer.get_json()
    assert found["jiraSync"]["status"] == "filled"
    assert found["jiraPartNumber"] == "ALU-HOUSING-7075"
    shown = api.get(answer.headers["Location"])
    assert found.items() <= shown.get_json().items()
    assert answer.headers["ETag"] == shown.headers["ETag"]


def test_a_failed_fill_ends_the_wait_too(api: ApiClient, engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = later(pool, api, "wait=10")
        with begin(engine) as session:
            claims = leases.claim(session, lease_seconds=60)
            sync_settle.fail(session, claims, code=FailureCode.TICKET_NOT_FOUND, worker="w")
        found = call.result(timeout=8).get_json()
    assert found["jiraSync"]["error"]["code"] == "ticket_not_found"


def test_the_time_over_the_answer_says_how_things_stand(api: ApiClient) -> None:
    begun = time.monotonic()
    answer = create_and_wait(api, "wait=1")
    assert 1 <= time.monotonic() - begun < 15
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (201, "wait=1")
    assert answer.get_json()["jiraSync"]["status"] == "pending"


def test_where_nothing_is_to_be_filled_the_answer_comes_at_once(api: ApiClient) -> None:
    begun = time.monotonic()
    answer = create_and_wait(api, "wait=10", jiraTicketKey=None)
    assert time.monotonic() - begun < 8
    assert answer.headers["Preference-Applied"] == "wait=10"


def test_without_the_preference_nothing_waits(api: ApiClient) -> None:
    answer = api.post("/api/jobs", BODY)
    assert "Preference-Applied" not in answer.headers


def test_a_refused_create_does_not_wait(api: ApiClient) -> None:
    answer = create_and_wait(api, "wait=10", name="")
    assert answer.status_code == 400
    assert "Preference-Applied" not in answer.headers


def test_a_quarter_of_the_threads_wait_and_the_next_is_answered_at_once(
    settings: Settings, engine: Engine
) -> None:
    with (
        api_client(settings.model_copy(update={"api_threads": 8}), engine) as api,
        ThreadPoolExecutor(2) as pool,
    ):
        waiting = [later(pool, api, "wait=10") for _ in range(2)]
        eventually(lambda: len(api_waiters()) == 1)
        eventually(lambda: "Preference-Applied" not in create_and_wait(api, "wait=1").headers)
        assert not any(call.done() for call in waiting)
        receive_ticket(engine)
        for call in waiting:
            assert call.result(timeout=8).get_json()["jiraSync"]["status"] == "filled"
        eventually(lambda: not api_waiters())
        assert create_and_wait(api, "wait=1").headers["Preference-Applied"] == "wait=1"


def api_waiters() -> list[threading.Thread]:
    """The thread that polls for all waiting requests, if it runs."""
    return [thread for thread in threading.enumerate() if thread.name == "fills"]


def test_who_waits_holds_no_connection(api: ApiClient, engine: Engine) -> None:
    with ThreadPoolExecutor(3) as pool:
        calls = [later(pool, api, "wait=10", jiraTicketKey=f"PI-{n}") for n in range(1, 4)]
        eventually(lambda: engine.pool.checkedout() == 0)  # type: ignore[attr-defined]  # a QueuePool
        for n in range(1, 4):
            receive_ticket(engine, f"PI-{n}")
        found = [call.result(timeout=8).get_json()["jiraSync"]["status"] for call in calls]
    assert found == ["filled"] * 3


def test_a_retry_with_the_same_key_waits_as_well(api: ApiClient, engine: Engine) -> None:
    headers = {"Idempotency-Key": "k"}
    first = api.post("/api/jobs", BODY, headers=headers).get_json()
    receive_ticket(engine)
    again = api.post("/api/jobs", BODY, headers={**headers, "Prefer": "wait=5"})
    assert again.get_json()["id"] == first["id"]
    assert again.get_json()["jiraSync"]["status"] == "filled"


def test_a_link_can_wait_for_its_fill(api: ApiClient, engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(
            api.post, "/api/jira/link", {"ticketKey": "PI-42"}, headers={"Prefer": "wait=10"}
        )
        eventually(lambda: api.get("/api/jobs").get_json())
        receive_ticket(engine)
        answer = call.result(timeout=5)
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert answer.get_json()["job"]["goalQuantity"] == 50


def test_a_database_that_goes_away_meanwhile_makes_no_create_look_undone(
    api: ApiClient, postgres_uri: str, dsn: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = later(pool, api, "wait=1")
        postgres.shut(postgres_uri, dsn)
        answer = call.result(timeout=15)
    assert answer.status_code == 201
    assert answer.get_json()["jiraSync"]["status"] == "pending"
    assert answer.headers["Location"] == f"/api/jobs/{answer.get_json()['id']}"
