"""POST /api/jobs/bulk: entries are validated separately, valid ones stored together."""

from typing import Any

from sqlalchemy import Engine, event, text

from shared.database.engine import begin
from tests.dsl import ApiClient

GOOD = {"name": "JOB-1", "goalQuantity": 5}


def bulk(api: ApiClient, entries: Any, **options: Any) -> Any:
    """The answer to a bulk create of these entries."""
    return api.post("/api/jobs/bulk", {"jobs": entries}, **options)


def test_valid_entries_are_stored_and_the_others_get_a_reason_in_the_order_given(
    api: ApiClient, engine: Engine
) -> None:
    answer = bulk(
        api,
        [
            {**GOOD, "jiraTicketKey": "pi-42", "jiraLabels": ["b", "a", "b"]},
            {"goalQuantity": "5"},
            "no object",
            None,
            {**GOOD, "name": "NUL \0"},
            {**GOOD, "name": "second", "jiraLabels": []},
        ],
    )
    assert answer.status_code == 207
    found = answer.get_json()
    assert [entry["status"] for entry in found["results"]] == [201, 400, 400, 400, 400, 201]
    assert (found["created"], found["failed"]) == (2, 4)
    first, wrong, other, _, nul, second = found["results"]
    assert first["job"]["jiraLabels"] == ["b", "a"]
    assert first["job"]["jiraSync"]["status"] == "pending"
    assert "jiraSync" not in second["job"]
    assert second["job"]["jiraLabels"] == []
    assert wrong["error"] == {
        "statusCode": 400,
        "code": "validation_error",
        "message": "name is required",
        "errors": [
            {"field": "name", "message": "name is required"},
            {"field": "goalQuantity", "message": "goalQuantity must be a number"},
        ],
        "requestId": answer.headers["X-Request-ID"],
    }
    assert other["error"]["message"] == "Each job must be a JSON object"
    assert nul["error"]["message"] == "name must not contain NUL characters"
    for entry in (first, second):
        shown = api.get(f"/api/jobs/{entry['job']['id']}").get_json()
        assert entry["job"].items() <= shown.items()
    with begin(engine) as session:
        assert session.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 2


def test_a_thousand_jobs_cost_as_many_statements_as_one(api: ApiClient, engine: Engine) -> None:
    statements: list[str] = []
    event.listen(
        engine, "before_cursor_execute", lambda *call: statements.append(call[2]), named=False
    )
    entries = [{**GOOD, "name": f"J{n}", "jiraTicketKey": f"PI-{n + 1}"} for n in range(1000)]
    found = bulk(api, entries).get_json()
    assert [entry["job"]["name"] for entry in found["results"]] == [e["name"] for e in entries]
    inserts = [statement for statement in statements if "INSERT" in statement]
    assert len(inserts) == 1
    with begin(engine) as session:
        counts = session.execute(
            text("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM sync_tasks)")
        ).one()
    assert tuple(counts) == (1000, 1000)


def test_a_list_that_is_none_is_refused_whole(api: ApiClient) -> None:
    for body, message in [
        ({}, "jobs is required"),
        ({"jobs": None}, "jobs is required"),
        ({"jobs": "x"}, "jobs must be an array"),
        ({"jobs": [GOOD] * 1001}, "jobs must hold at most 1000 entries"),
    ]:
        answer = api.post("/api/jobs/bulk", body)
        assert answer.status_code == 400
        assert answer.get_json()["message"] == message
    assert api.get("/api/jobs").get_json() == []


def test_an_empty_list_creates_nothing(api: ApiClient) -> None:
    answer = bulk(api, [])
    assert answer.status_code == 207
    assert answer.get_json() == {"results": [], "created": 0, "failed": 0}


def test_a_bulk_body_may_be_eight_times_as_large_as_another(api: ApiClient) -> None:
    entries = [{**GOOD, "ignored": "x" * 2000}] * 1000
    assert bulk(api, entries).status_code == 207
    answer = bulk(api, [{**GOOD, "ignored": "x" * (8 * 1024 * 1024)}])
    assert answer.status_code == 413
    assert answer.get_json()["message"] == "Request body is larger than 8388608 bytes"


def test_the_same_key_gives_the_same_many_jobs(api: ApiClient) -> None:
    headers = {"Idempotency-Key": "batch-7"}
    first = bulk(api, [GOOD, {}], headers=headers)
    again = bulk(api, [GOOD, {}], headers=headers)
    assert again.status_code == 207
    assert again.data == first.data
    assert len(api.get("/api/jobs").get_json()) == 1


def test_a_batch_of_which_nothing_was_stored_leaves_its_key_free(api: ApiClient) -> None:
    headers = {"Idempotency-Key": "batch-8"}
    assert bulk(api, [{}], headers=headers).get_json()["failed"] == 1
    assert bulk(api, [GOOD], headers=headers).get_json()["created"] == 1
