"""Bulk actions over the API that take longer than a request: accepted, and read to their end."""

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from tests.dsl import ApiClient, csrf_token, make_failed_tasks, make_task
from tests.support.jira.hooks import Inbox
from worker.bulk_actions.run import run_bulk_action
from worker.runtime import Runtime

TASKS = "/api/sync/tasks"


@pytest.fixture
def api(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    """A api whose requests leave all work to the worker."""
    monkeypatch.setattr("api.actions.bulk.REQUEST_SECONDS", 0.0)
    return api


def test_an_action_that_takes_longer_is_accepted_and_continues_in_a_worker(
    api: ApiClient, engine: Engine, runtime: Runtime
) -> None:
    make_failed_tasks(engine, 1200)
    make_task(engine, "filled", key="OPS-7")
    body = {"filter": {}, "reason": "access was given"}
    answer = api.post(f"{TASKS}/retry", body, headers={"X-Request-ID": "abc"})
    accepted, address = answer.json, answer.headers["Location"]
    assert answer.status_code == 202
    assert accepted == {
        "id": address.rsplit("/", 1)[1],
        "status": "running",
        "matched": 1201,
        "changed": 0,
        "skipped": {"already_filled": 1},
        "dryRun": False,
    }
    running = api.get(address).json
    assert not {"endedAt"} & set(running)
    assert run_bulk_action(runtime) == accepted["id"]
    done = api.get(address).json
    facts = ("id", "operation", "status", "matched", "changed", "actor", "reason", "requestId")
    assert [done[name] for name in facts] == [
        accepted["id"],
        "retry",
        "done",
        1201,
        1200,
        "anonymous",
        "access was given",
        "abc",
    ]
    assert done["endedAt"] == done["updatedAt"] > running["updatedAt"]


def test_an_unknown_action_is_not_found(api: ApiClient) -> None:
    answer = api.get("/api/sync/bulk-actions/bulk_x")
    assert (answer.status_code, answer.json["message"]) == (404, "BulkAction not found: bulk_x")


def test_a_replay_that_takes_longer_says_what_it_matched(
    api: ApiClient, engine: Engine, runtime: Runtime
) -> None:
    inbox = Inbox(engine)
    delivery_id = inbox.put()
    inbox.put()
    with begin(engine) as session:
        session.execute(
            text(
                "UPDATE webhook_deliveries SET outcome = 'noted', applied_at = now() WHERE id = :id"
            ),
            {"id": delivery_id},
        )
    answer = api.post("/api/webhooks/deliveries/replay", {"filter": {}})
    assert answer.status_code == 202
    accepted = answer.json
    action_id = accepted.pop("id")
    assert accepted == {
        "status": "running",
        "matched": 2,
        "replayed": 0,
        "replayable": 1,
        "waiting": 1,
        "bodyGone": 0,
        "dryRun": False,
    }
    assert run_bulk_action(runtime) == action_id
    done = api.get(answer.headers["Location"]).json
    assert (done["status"], done["changed"], done["skipped"]) == ("done", 1, {"waiting": 1})
    assert inbox.row(delivery_id).outcome is None


def test_the_dashboard_says_how_far_an_action_is_and_then_that_it_ended(
    api: ApiClient, engine: Engine, runtime: Runtime
) -> None:
    make_failed_tasks(engine, 1200)
    question = api.get("/tasks/retry?scope=matching&status=failed").text
    form = {"csrf_token": csrf_token(question), "scope": "matching", "status": "failed"}
    answer = api.post("/tasks/retry", data=form)
    assert answer.status_code == 303
    told = api.get(answer.location).text
    assert "0 of 1\u202f200 tasks retried so far" in told
    assert "continues in the background" in told
    running = api.get("/audit").text
    assert "not finished" in running
    assert "1\u202f200 matched; 0 done" in running
    run_bulk_action(runtime)
    ended = api.get("/audit").text
    assert "not finished" not in ended
    assert "1\u202f200 matched; 1\u202f200 done" in ended


def _applied(engine: Engine, number: int) -> None:
    """Deliveries that were applied before, and no others."""
    inbox = Inbox(engine)
    for _ in range(number):
        inbox.put()
    with begin(engine) as session:
        session.execute(text("UPDATE webhook_deliveries SET outcome='noted', applied_at=now()"))


def test_a_replay_of_more_than_are_counted_says_so_before_and_counts_exactly_after(
    api: ApiClient, engine: Engine, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.actions.bulk.MAX_COUNTED", 3)
    _applied(engine, 5)
    assert "Apply at least 3 deliveries once more?" in _question(api, "/deliveries/replay")
    answer = api.post("/api/webhooks/deliveries/replay", {"filter": {}})
    assert (answer.json["matched"], answer.json["replayable"]) == (3, 3)
    assert run_bulk_action(runtime)
    done = api.get(answer.headers["Location"]).json
    assert (done["matched"], done["changed"]) == (5, 5)


def test_an_answer_never_says_that_more_were_replayed_than_matched(
    api: ApiClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.actions.bulk.REQUEST_SECONDS", 60.0)
    monkeypatch.setattr("shared.actions.bulk.MAX_COUNTED", 3)
    _applied(engine, 5)
    done = api.post("/api/webhooks/deliveries/replay", {"filter": {}}).json
    assert (done["matched"], done["replayable"], done["replayed"]) == (5, 5, 5)


def test_tasks_are_always_counted_exactly_however_many_are_filled(
    api: ApiClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.actions.bulk.MAX_COUNTED", 3)
    for number in range(4):
        make_task(engine, "filled", key=f"OPS-{number + 1}")
    make_task(engine, "failed", key="OPS-9")
    assert "Retry 1 task?" in _question(api, "/tasks/retry")


def _question(api: ApiClient, address: str) -> str:
    page = api.get(f"{address}?scope=matching")
    assert page.status_code == 200
    return str(page.text).replace("\u202f", " ")
