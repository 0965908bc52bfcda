"""Idempotency keys: a repeated request gets the first answer, also while the first one runs."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.jobs import idempotency
from shared.states import Scope
from tests.dsl import ApiClient, bearer, token
from tests.support.races import in_the_way, wait_until_blocked

BODY: dict[str, Any] = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42"}


def keyed(api: ApiClient, key: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    """The answer to a create with this key."""
    return api.post("/api/jobs", body or BODY, headers={"Idempotency-Key": key, **headers})


def count(engine: Engine) -> int:
    """How many jobs there are."""
    with begin(engine) as session:
        return int(session.execute(text("SELECT count(*) FROM jobs")).scalar_one())


def age(engine: Engine, hours: int) -> None:
    """Make the keys as old as this."""
    with begin(engine) as session:
        session.execute(
            text("UPDATE idempotency_keys SET created_at = now() - make_interval(hours => :h)"),
            {"h": hours},
        )


def test_the_same_key_and_body_give_the_first_answer_again(api: ApiClient, engine: Engine) -> None:
    first, again = keyed(api, "k"), keyed(api, "k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count(engine) == 1


def test_a_body_that_says_the_same_in_another_order_is_the_same(
    api: ApiClient, engine: Engine
) -> None:
    one = b'{"name": "JOB-1", "goalQuantity": 5}'
    other = b'{ "goalQuantity":5,\n"name":"JOB-1" }'
    headers = {"Idempotency-Key": "k"}
    first = api.raw("POST", "/api/jobs", one, headers=headers)
    assert api.raw("POST", "/api/jobs", other, headers=headers).data == first.data
    assert count(engine) == 1


def test_another_body_is_refused(api: ApiClient, engine: Engine) -> None:
    keyed(api, "k")
    answer = keyed(api, "k", {**BODY, "name": "JOB-2"})
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "idempotency_key_reused"
    assert count(engine) == 1


def test_a_key_is_its_owners_at_one_address(api: ApiClient, engine: Engine) -> None:
    scopes = (Scope.JOBS_READ, Scope.JOBS_WRITE)
    ada, bob = (bearer(token(engine, *scopes, name=name)) for name in ("ada", "bob"))
    made = {keyed(api, "k", **ada).get_json()["id"], keyed(api, "k", **bob).get_json()["id"]}
    headers = {"Idempotency-Key": "k", **ada}
    linked = api.post("/api/jira/link", {"ticketKey": "PI-1"}, headers=headers)
    made.add(linked.get_json()["job"]["id"])
    assert len(made) == count(engine) == 3


def test_failures_are_not_kept(api: ApiClient) -> None:
    assert keyed(api, "k", {"name": ""}).status_code == 400
    assert keyed(api, "k").status_code == 201
    unknown = {"ticketKey": "PI-1", "jobId": "job_none"}
    headers = {"Idempotency-Key": "link"}
    assert api.post("/api/jira/link", unknown, headers=headers).status_code == 404
    known = {"ticketKey": "PI-1", "jobId": api.job()["id"]}
    assert api.post("/api/jira/link", known, headers=headers).status_code == 200


def test_a_fault_of_ours_frees_the_key(api: ApiClient, engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(text("ALTER TABLE jobs ADD CONSTRAINT broken CHECK (name = 'x')"))
    assert keyed(api, "k").status_code == 500
    with begin(engine) as session:
        session.execute(text("ALTER TABLE jobs DROP CONSTRAINT broken"))
    assert keyed(api, "k").status_code == 201


def test_a_key_is_free_again_after_a_day_and_not_before(api: ApiClient, engine: Engine) -> None:
    first = keyed(api, "k").get_json()["id"]
    age(engine, 23)
    assert keyed(api, "k").get_json()["id"] == first
    age(engine, 25)
    other = keyed(api, "k", {**BODY, "name": "other"})
    assert other.status_code == 201
    assert other.get_json()["id"] != first
    assert keyed(api, "k", {**BODY, "name": "other"}).data == other.data


def test_pruning_forgets_keys_that_are_over_and_no_others(api: ApiClient, engine: Engine) -> None:
    keyed(api, "old")
    age(engine, 25)
    keyed(api, "young")
    with begin(engine) as session:
        assert idempotency.prune(session) == 1
        keys = session.scalars(text("SELECT key FROM idempotency_keys")).all()
    assert keys == ["young"]


def test_a_key_is_one_to_255_visible_ascii_characters(api: ApiClient, engine: Engine) -> None:
    for key in ("", " ", "two words", "é", "k" * 256, "tab\tbed"):
        answer = keyed(api, key)
        assert answer.status_code == 400
        assert answer.get_json()["message"] == (
            "Idempotency-Key must be 1 to 255 visible ASCII characters"
        )
    assert count(engine) == 0
    assert keyed(api, "~" * 255).status_code == 201


def test_a_second_request_waits_for_the_first_and_gets_its_answer(
    api: ApiClient, engine: Engine
) -> None:
    lock = text("LOCK TABLE jobs IN SHARE MODE")
    with ThreadPoolExecutor(2) as pool:
        with in_the_way(engine, lambda session: session.execute(lock)):
            calls = [pool.submit(keyed, api, "k") for _ in range(2)]
            wait_until_blocked(engine, 2)
        answers = [call.result() for call in calls]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data == answers[1].data
    assert sorted("Idempotent-Replayed" in answer.headers for answer in answers) == [False, True]
    assert count(engine) == 1


def test_many_at_once_with_one_key_make_one_job(api: ApiClient, engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: keyed(api, "k"), range(24)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert count(engine) == 1
