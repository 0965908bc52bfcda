"""Bulk actions over the API that take longer than a request: accepted, and read to their end."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.integration.actions.test_task_actions import make, seed_failed
from tests.support.api import application, csrf_token
from tests.support.hooks import Inbox
from worker.bulk_actions.run import run_bulk_action
from worker.runtime import Runtime

TASKS = "/api/sync/tasks"


@pytest.fixture
def client(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client whose requests leave all work to the worker."""
    monkeypatch.setattr("api.actions.bulk.REQUEST_SECONDS", 0.0)
    with application(settings, engine) as app:
        yield app.test_client()


def test_an_action_that_takes_longer_is_accepted_and_continues_in_a_worker(
    client: Any, engine: Engine, runtime: Runtime
) -> None:
    seed_failed(engine, 1200)
    make(engine, "filled", key="OPS-7")
    body = {"filter": {}, "reason": "access was given"}
    answer = client.post(f"{TASKS}/retry", json=body, headers={"X-Request-ID": "abc"})
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
    running = client.get(address).json
    assert not {"endedAt"} & set(running)
    assert run_bulk_action(runtime) == accepted["id"]
    done = client.get(address).json
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


def test_an_unknown_action_is_not_found(client: Any) -> None:
    answer = client.get("/api/sync/bulk-actions/bulk_x")
    assert (answer.status_code, answer.json["message"]) == (404, "BulkAction not found: bulk_x")


def test_a_replay_that_takes_longer_says_what_it_matched(
    client: Any, engine: Engine, runtime: Runtime
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
    answer = client.post("/api/webhooks/deliveries/replay", json={"filter": {}})
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
    done = client.get(answer.headers["Location"]).json
    assert (done["status"], done["changed"], done["skipped"]) == ("done", 1, {"waiting": 1})
    assert inbox.row(delivery_id).outcome is None


def test_the_dashboard_says_how_far_an_action_is_and_then_that_it_ended(
    client: Any, engine: Engine, runtime: Runtime
) -> None:
    seed_failed(engine, 1200)
    question = client.get("/tasks/retry?scope=matching&status=failed").text
    form = {"csrf_token": csrf_token(question), "scope": "matching", "status": "failed"}
    answer = client.post("/tasks/retry", data=form)
    assert answer.status_code == 303
    told = client.get(answer.location).text
    assert "0 of 1\u202f200 tasks retried so far" in told
    assert "continues in the background" in told
    running = client.get("/audit").text
    assert "not finished" in running
    assert "1\u202f200 matched; 0 done" in running
    run_bulk_action(runtime)
    ended = client.get("/audit").text
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
    client: Any, engine: Engine, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.actions.bulk.MAX_COUNTED", 3)
    _applied(engine, 5)
    assert "Apply at least 3 deliveries once more?" in _question(client, "/deliveries/replay")
    answer = client.post("/api/webhooks/deliveries/replay", json={"filter": {}})
    assert (answer.json["matched"], answer.json["replayable"]) == (3, 3)
    assert run_bulk_action(runtime)
    done = client.get(answer.headers["Location"]).json
    assert (done["matched"], done["changed"]) == (5, 5)


def test_an_answer_never_says_that_more_were_replayed_than_matched(
    client: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.actions.bulk.REQUEST_SECONDS", 60.0)
    monkeypatch.setattr("shared.actions.bulk.MAX_COUNTED", 3)
    _applied(engine, 5)
    done = client.post("/api/webhooks/deliveries/replay", json={"filter": {}}).json
    assert (done["matched"], done["replayable"], done["replayed"]) == (5, 5, 5)


def test_tasks_are_always_counted_exactly_however_many_are_filled(
    client: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.actions.bulk.MAX_COUNTED", 3)
    for number in range(4):
        make(engine, "filled", key=f"OPS-{number + 1}")
    make(engine, "failed", key="OPS-9")
    assert "Retry 1 task?" in _question(client, "/tasks/retry")


def _question(client: Any, address: str) -> str:
    page = client.get(f"{address}?scope=matching")
    assert page.status_code == 200
    return str(page.text).replace("\u202f", " ")
