"""Sync operations over the API: summary, lists that page and search, retry and cancel."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import AuditEvent, SyncTask
from shared.settings import AuthMode, Settings
from shared.states import Scope, WaitCode
from shared.sync import pauses
from shared.sync import summary as sync_summary
from tests.dsl import (
    ApiClient,
    application,
    bearer,
    make_failed_tasks,
    make_task,
    make_task_in_each_state,
    token,
)

TASKS = "/api/sync/tasks"


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json]


def test_an_empty_system_has_a_summary_too(api: ApiClient) -> None:
    found = api.get("/api/sync/summary").json
    assert set(found["counts"].values()) == {0}
    assert found["jira"] == {"state": "unknown", "words": "not asked yet"}
    assert (found["worker"], found["beat"]) == ({"alive": False}, {"alive": False})
    assert len(found["lastHour"]["minutes"]) == 60
    assert "oldestWaitingAt" not in found
    assert "medianSeconds" not in found["lastHour"]


def test_the_summary_counts_by_status_and_names_causes_and_the_oldest(
    api: ApiClient, engine: Engine
) -> None:
    tasks = make_task_in_each_state(engine)
    with begin(engine) as session:
        session.execute(
            text("UPDATE sync_tasks SET created_at = now() - interval '90 s' WHERE id = :id"),
            {"id": tasks["pending"]},
        )
    found = api.get("/api/sync/summary").json
    assert found["counts"] == {
        "pending": 1,
        "running": 1,
        "filled": 1,
        "failed": 1,
        "cancelled": 2,
    }
    assert found["failures"] == [{"code": "ticket_not_found", "count": 1}]
    assert 89 < found["oldestWaitingSeconds"] < 120
    hour = found["lastHour"]
    assert (hour["filled"], hour["failed"]) == (1, 1)
    assert sum(minute["filled"] for minute in hour["minutes"]) == 1
    assert 0 <= hour["medianSeconds"] <= hour["p99Seconds"] < 60


def test_the_tally_counts_the_filled_of_all_time_once(engine: Engine) -> None:
    for number in range(1, 6):
        make_task(engine, "filled", key=f"PI-{number}")
    with begin(engine) as session:
        session.execute(
            text(
                "UPDATE sync_tasks SET filled_at = now() - interval '1 hour' "
                "WHERE ticket_key <> 'PI-1'"
            )
        )
    for _ in range(2):
        with begin(engine) as session:
            sync_summary.update_filled_count(session)
        with begin(engine) as session:
            (tallied,) = session.execute(text("SELECT filled FROM filled_count")).scalars()
            counted = sync_summary.counts(session)["filled"]
        assert (tallied, counted) == (4, 5)


@pytest.mark.parametrize(
    ("code", "delay", "state", "words"),
    [
        (WaitCode.RATE_LIMITED, 600.0, "limited", "limited until"),
        (WaitCode.JIRA_DOWN, 5.0, "down", "down since"),
        (WaitCode.CREDENTIALS_REFUSED, 60.0, "credentials_refused", "refused since"),
        (WaitCode.CAPTCHA_LOCK, None, "captcha", "CAPTCHA"),
        (WaitCode.JIRA_DOWN, 0.0, "down", "trying again now"),
    ],
)
def test_the_summary_says_how_jira_is(
    api: ApiClient, engine: Engine, code: WaitCode, delay: float | None, state: str, words: str
) -> None:
    with begin(engine) as session:
        pauses.begin(session, credentials="c", code=code, message="Why.", delay=delay)
    jira = api.get("/api/sync/summary").json["jira"]
    assert (jira["state"], jira["message"]) == (state, "Why.")
    assert words in jira["words"]
    assert ("until" in jira) == bool(delay)
    with begin(engine) as session:
        pauses.resume(session)
        pauses.end(session, credentials="c")
    assert api.get("/api/sync/summary").json["jira"]["state"] == "ok"


def test_the_summary_says_who_is_alive(api: ApiClient, engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(
            text(
                "INSERT INTO heartbeats VALUES ('worker', now()), "
                "('beat', now() - interval '1 minute')"
            )
        )
    found = api.get("/api/sync/summary").json
    assert found["worker"]["alive"] is True
    assert found["beat"]["alive"] is False
    assert "seenAt" in found["beat"]


def test_a_task_comes_with_its_job_and_its_attempts(api: ApiClient, engine: Engine) -> None:
    task_id = make_task(engine, "failed", name="Housing")
    found = api.get(f"{TASKS}/{task_id}").json
    assert found["jobName"] == "Housing"
    assert found["error"]["code"] == "ticket_not_found"
    assert "PI-42" in found["error"]["message"]
    assert found["attempts"] == 1
    (attempt,) = found["history"]
    assert (attempt["outcome"], attempt["code"]) == ("failed", "ticket_not_found")


def test_a_task_that_waits_says_for_what_and_until_when(api: ApiClient, engine: Engine) -> None:
    task_id = make_task(engine)
    with begin(engine) as session:
        pauses.begin(session, credentials="c", code=WaitCode.JIRA_DOWN, message="Down.", delay=60)
        session.get_one(SyncTask, task_id).attempts = 1
    found = api.get(f"{TASKS}/{task_id}").json
    assert found["waitingFor"] == {"code": "jira_down", "message": "Down."}
    left = datetime.fromisoformat(found["nextAttemptAt"]) - datetime.fromisoformat(
        found["createdAt"]
    )
    assert left > timedelta(seconds=30)


def test_a_task_of_a_deleted_job_is_still_found(api: ApiClient, engine: Engine) -> None:
    task_id = make_task(engine, "orphan")
    found = api.get(f"{TASKS}/{task_id}").json
    assert "jobName" not in found
    assert found["error"]["code"] == "job_deleted"
    assert ids(api.get(f"{TASKS}?q=PI-42")) == [task_id]


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("status=failed", {"failed"}),
        ("status=failed,running", {"failed", "running"}),
        ("status=filled", {"filled"}),
        ("status=cancelled", {"cancelled", "orphan"}),
        ("source=webhook", {"filled"}),
        ("source=poll", set()),
        ("errorCode=ticket_not_found", {"failed"}),
        ("errorCode=job_deleted", {"orphan"}),
        ("ticketKey=pi-2", {"failed"}),
        ("q=PI-2", {"failed"}),
        ("q=no%20ticket", {"failed"}),
        ("q=pi", {"failed", "filled", "cancelled", "running", "pending"}),
        ("q=%25%25%25", set()),
        ("q=nowhere", set()),
        ("q=PI-2&status=filled", set()),
        ("since=2100-01-01T00:00:00Z", set()),
        ("until=2020-01-01T00:00:00Z", set()),
        ("since=2020-01-01T00:00:00Z&status=failed", {"failed"}),
    ],
)
def test_filters_find_what_they_say(
    api: ApiClient, engine: Engine, query: str, states: set[str]
) -> None:
    tasks = make_task_in_each_state(engine)
    for suffix in ("", "&limit=1000", "&limit=1000&sort=updatedAt"):
        found = ids(api.get(f"{TASKS}?{query}{suffix}"))
        assert {s for s, task_id in tasks.items() if task_id in found} == states
        assert len(found) == len(states)


def test_a_task_is_found_by_its_own_and_its_jobs_id(api: ApiClient, engine: Engine) -> None:
    task_id = make_task(engine)
    job_id = api.get(f"{TASKS}/{task_id}").json["jobId"]
    make_task(engine, key="PI-7")
    for query in (f"q={task_id}", f"q={job_id}", f"jobId={job_id}"):
        assert ids(api.get(f"{TASKS}?{query}")) == [task_id]


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt", "-updatedAt", "updatedAt"])
@pytest.mark.parametrize("extra", ["", "&q=Job", "&status=failed"])
def test_pages_join_up_to_the_whole_list_in_every_order(
    api: ApiClient, engine: Engine, sort: str, extra: str
) -> None:
    make_failed_tasks(engine, 25)
    with begin(engine) as session:  # moments that repeat, so that the id has to decide
        session.execute(
            text(
                "UPDATE sync_tasks SET id = 'sync_01h455vb4pex5vsknk084s' || right(id, 4), "
                "created_at = now() - (right(id, 1) || ' s')::interval, "
                "updated_at = now() - (right(id, 1) || ' min')::interval"
            )
        )
    whole = ids(api.get(f"{TASKS}?sort={sort}{extra}"))
    assert len(set(whole)) == 25
    joined: list[str] = []
    address = f"{TASKS}?limit=7&sort={sort}{extra}"
    while address:
        answer = api.get(address)
        joined += ids(answer)
        link = answer.headers.get("Link", "")
        address = link[1 : link.index(">")] if link else ""
    assert joined == whole
    moments = [
        t["createdAt" if "created" in sort else "updatedAt"]
        for t in api.get(f"{TASKS}?sort={sort}{extra}").json
    ]
    assert moments == sorted(moments, reverse=sort.startswith("-"))


def test_a_rare_word_beyond_the_newest_is_found_by_index(
    api: ApiClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sync.queries._SCANNED_FIRST", 5)
    rare = make_task(engine, key="PI-99", name="Impeller")
    make_failed_tasks(engine, 30)
    with begin(engine) as session:
        session.execute(
            text("UPDATE sync_tasks SET created_at = now() - interval '1 day' WHERE id = :id"),
            {"id": rare},
        )
    assert ids(api.get(f"{TASKS}?q=impel&limit=3")) == [rare]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("status=lost", "status must be one or more of pending"),
        ("status=", "status must be one or more of"),
        ("source=fax", "source must be one of"),
        ("errorCode=x", "errorCode must be one of"),
        ("ticketKey=x", "ticketKey must look like"),
        ("since=yesterday", "since must be an ISO 8601"),
        ("sort=name", "sort must be one of"),
        ("limit=0", "limit must be"),
        ("cursor=x", "cursor"),
        ("cursor=MjAyNA", "cursor"),
        ("stauts=failed", "stauts is not a known parameter"),
    ],
)
def test_a_query_that_means_nothing_is_refused(api: ApiClient, query: str, words: str) -> None:
    answer = api.get(f"{TASKS}?{query}")
    assert answer.status_code == 400
    assert words in answer.json["message"]


def test_one_is_retried_and_cancelled_and_the_reason_is_kept(
    api: ApiClient, engine: Engine
) -> None:
    task_id = make_task(engine, "failed")
    answer = api.post(f"{TASKS}/{task_id}/retry?reason=access%20was%20given")
    assert (answer.status_code, answer.json["status"]) == (200, "pending")
    again = api.post(f"{TASKS}/{task_id}/retry")
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert "waiting for its next try" in again.json["message"]
    answer = api.post(f"{TASKS}/{task_id}/cancel", headers={"X-Request-ID": "abc"})
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert answer.json["error"] == {"code": "cancelled", "message": "Cancelled by anonymous."}
    with begin(engine) as session:
        events = session.query(AuditEvent).order_by(AuditEvent.id).all()
    assert [(e.action, e.actor_kind, e.subject, e.reason) for e in events] == [
        ("retry", "open", task_id, "access was given"),
        ("cancel", "open", task_id, None),
    ]
    assert events[1].request_id == "abc"


@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_an_unknown_task_is_not_found(api: ApiClient, verb: str) -> None:
    for address, method in ((f"{TASKS}/sync_x/{verb}", "POST"), (f"{TASKS}/sync_x", "GET")):
        answer = api.client.open(address, method=method)
        assert (answer.status_code, answer.json["message"]) == (
            404,
            "SyncTask not found: sync_x",
        )


def test_all_that_match_are_retried_after_a_dry_run_that_says_the_same(
    api: ApiClient, engine: Engine
) -> None:
    tasks = make_task_in_each_state(engine)
    body: dict[str, Any] = {"filter": {"status": "failed,filled"}, "dryRun": True}
    dry = api.post(f"{TASKS}/retry", body).json
    assert dry == {
        "matched": 2,
        "changed": 1,
        "skipped": {"already_filled": 1},
        "dryRun": True,
    }
    assert api.get(f"{TASKS}/{tasks['failed']}").json["status"] == "failed"
    done = api.post(f"{TASKS}/retry", body | {"dryRun": False}).json
    assert done == dry | {"dryRun": False}
    assert api.get(f"{TASKS}/{tasks['failed']}").json["status"] == "pending"


def test_the_filter_of_a_bulk_operation_is_the_lists(api: ApiClient, engine: Engine) -> None:
    make_task_in_each_state(engine)
    now = datetime.now(UTC)  # noqa: TID251  the test's own window
    queries: list[dict[str, Any]] = [
        {},
        {"status": "failed"},
        {"status": ["failed", "cancelled"]},
        {"q": "PI-2"},
        {"ticketKey": "PI-3"},
        {"source": "webhook"},
        {"errorCode": "job_deleted"},
        {"since": (now - timedelta(hours=1)).isoformat(), "until": now.isoformat()},
    ]
    for wanted in queries:
        listed = {k: ",".join(v) if isinstance(v, list) else v for k, v in wanted.items()}
        number = len(ids(api.get(TASKS, query_string=listed)))
        for verb in ("retry", "cancel"):
            body = {"filter": wanted, "dryRun": True}
            assert api.post(f"{TASKS}/{verb}", body).json["matched"] == number, wanted


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": []},
        {"filter": {"stauts": "failed"}},
        {"filter": {"status": "lost"}},
        {"filter": {}, "dryRun": "yes"},
        {"dryRun": True},
    ],
)
def test_a_bulk_operation_that_might_match_too_much_is_refused(
    api: ApiClient, engine: Engine, body: dict[str, Any]
) -> None:
    task_id = make_task(engine, "failed")
    assert api.post(f"{TASKS}/retry", body).status_code == 400
    assert api.get(f"{TASKS}/{task_id}").json["status"] == "failed"


def test_reading_and_acting_ask_for_their_scopes(settings: Settings, engine: Engine) -> None:
    reader = bearer(token(engine, Scope.OPS_READ))
    task_id = make_task(engine, "failed")
    with application(settings.model_copy(update={"auth": AuthMode.REQUIRED}), engine) as app:
        api = ApiClient(app)
        assert api.get("/api/sync/summary", headers=reader).status_code == 200
        assert api.post(f"{TASKS}/{task_id}/retry", headers=reader).status_code == 403
        writer = bearer(token(engine, Scope.OPS_WRITE, name="on-call"))
        assert api.post(f"{TASKS}/{task_id}/cancel", headers=writer).status_code == 200
    with begin(engine) as session:
        (event,) = session.query(AuditEvent).all()
    assert (event.actor_kind, event.actor) == ("token", "on-call")
