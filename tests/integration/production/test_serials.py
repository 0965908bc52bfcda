"""Serial numbers over HTTP: create, list."""

import re
from typing import Any

from sqlalchemy import Engine, text

from api.schemas.cursors import encode_cursor
from shared.database.engine import begin
from tests.support.data.shop import Shop, refusal


def body(path: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"jobId": path["jobId"], "pathId": path["id"], "quantity": 3, **changes}


def test_a_batch_is_numbered_from_one_and_stands_at_the_first_step(shop: Shop) -> None:
    path = shop.path("Mill", "Inspect")
    answer = shop.api.post("/api/serials", body(path))
    assert answer.status_code == 201
    made = answer.get_json()
    assert [serial["id"] for serial in made] == ["SN-00001", "SN-00002", "SN-00003"]
    assert made[0] == {
        "id": "SN-00001",
        "jobId": path["jobId"],
        "pathId": path["id"],
        "currentStepIndex": 0,
        "status": "in_progress",
        "createdAt": made[0]["createdAt"],
        "updatedAt": made[0]["createdAt"],
    }
    assert shop.serial("SN-00002") == made[1]


def test_the_largest_batch_is_made_at_once_and_numbers_grow_wider(
    shop: Shop, engine: Engine
) -> None:
    path = shop.path("Mill")
    with begin(engine) as session:
        session.execute(text("UPDATE serial_counter SET last_number = 95000"))
    made = shop.serials(path, 10_000)
    assert (made[0]["id"], made[-1]["id"]) == ("SN-95001", "SN-105000")
    assert shop.serial("SN-100000")["status"] == "in_progress"
    page = shop.api.get(f"/api/serials?limit=2&cursor={encode_cursor('SN-99998')}")
    assert [serial["id"] for serial in page.get_json()] == ["SN-99999", "SN-100000"]


def test_the_same_idempotency_key_makes_one_batch(shop: Shop) -> None:
    path = shop.path("Mill")
    headers = {"Idempotency-Key": "batch-1"}
    first = shop.api.post("/api/serials", body(path), headers=headers)
    second = shop.api.post("/api/serials", body(path), headers=headers)
    assert first.get_json() == second.get_json()
    other = shop.api.post("/api/serials", body(path, quantity=4), headers=headers)
    assert other.status_code == 422
    assert len(shop.api.get("/api/serials").get_json()) == 3


BAD_BATCHES: list[tuple[dict[str, Any], int, str]] = [
    ({"jobId": None, "pathId": None, "quantity": None}, 400, "jobId is required"),
    ({"jobId": ""}, 400, "jobId is required"),
    ({"pathId": None, "quantity": 0}, 400, "pathId is required"),
    ({"quantity": None}, 400, "quantity is required"),
    ({"quantity": "3"}, 400, "quantity must be a number"),
    ({"quantity": True}, 400, "quantity must be a number"),
    ({"quantity": 0}, 400, "quantity must be greater than 0"),
    ({"quantity": -1.5}, 400, "quantity must be greater than 0"),
    ({"quantity": 1.5}, 400, "quantity must be an integer"),
    ({"quantity": 10_001}, 400, "quantity must be at most 10000"),
    ({"quantity": 10**300}, 400, "quantity must be at most 2147483647"),
    ({"userId": 5}, 400, "userId must be a string"),
    ({"jobId": "job_no"}, 404, "Job not found: job_no"),
    ({"pathId": "path_no"}, 404, "Path not found: path_no"),
]


def test_a_bad_batch_is_refused_with_the_reason_and_takes_no_number(shop: Shop) -> None:
    path = shop.path("Mill")
    for changes, status, message in BAD_BATCHES:
        answer = shop.api.post("/api/serials", body(path, **changes))
        assert refusal(answer, status) == message, changes
    other = shop.api.job()["id"]
    message = refusal(shop.api.post("/api/serials", body(path, jobId=other)), 400)
    assert message == f"pathId must name a path of job {other}"
    assert shop.api.get("/api/serials").get_json() == []
    assert shop.serials(path, 1)[0]["id"] == "SN-00001"


def test_units_are_listed_by_job_path_status_and_step(shop: Shop) -> None:
    path, other = shop.path("Mill", "Inspect"), shop.path("Saw")
    a, b, c, d = (serial["id"] for serial in shop.serials(path, 4))
    [e] = (serial["id"] for serial in shop.serials(other, 1))
    shop.advance([b, c, d])
    shop.advance([d])
    shop.scrap(c)
    mill, inspect = (step["id"] for step in path["steps"])

    def ids(query: str) -> list[str]:
        answer = shop.api.get(f"/api/serials?{query}")
        assert answer.status_code == 200, answer.text
        return [serial["id"] for serial in answer.get_json()]

    assert ids("") == [a, b, c, d, e]
    assert ids(f"jobId={shop.job['id']}") == [a, b, c, d, e]
    assert ids("jobId=job_no") == []
    assert ids(f"pathId={path['id']}") == [a, b, c, d]
    assert ids("status=completed") == [d]
    assert ids(f"status=in_progress&pathId={path['id']}") == [a, b]
    assert ids(f"stepId={mill}") == [a]
    assert ids(f"stepId={inspect}") == [b, c]
    assert ids(f"stepId={inspect}&status=scrapped") == [c]
    assert ids(f"stepId={mill}&jobId=job_no") == []


def test_pages_follow_each_other_by_their_links(shop: Shop) -> None:
    ids = [serial["id"] for serial in shop.serials(shop.path("Mill"), 5)]
    found, address = [], "/api/serials?limit=2&status=in_progress"
    while address:
        answer = shop.api.get(address)
        found.append([serial["id"] for serial in answer.get_json()])
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        address = link[1] if link else ""
    assert found == [ids[:2], ids[2:4], ids[4:]]


def test_a_bad_filter_is_refused_rather_than_lost(shop: Shop) -> None:
    bad = {
        "status=done": "status must be one of in_progress, completed, scrapped",
        "limit=0": "limit must be a whole number from 1 to 1000",
        "limit=1001": "limit must be a whole number from 1 to 1000",
        "cursor=abc": "cursor must be one that this list gave",
        "steps=1": "steps is not a known parameter",
    }
    for query, message in bad.items():
        assert refusal(shop.api.get(f"/api/serials?{query}"), 400) == message


def test_without_a_limit_all_units_are_streamed_in_order(shop: Shop) -> None:
    made = shop.serials(shop.path("Mill"), 1203)
    assert shop.api.get("/api/serials").get_json() == made
