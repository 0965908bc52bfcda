"""Moving serial numbers: all three modes, many at once, scrap, history."""

from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError
from werkzeug.test import TestResponse

from shared.database.engine import begin
from shared.states import Scope
from tests.dsl import bearer, token
from tests.support.data import routes
from tests.support.data.shop import Shop, refusal


def body(path: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"jobId": path["jobId"], "pathId": path["id"], "quantity": 3, **changes}


def advance_to(shop: Shop, identifier: str, target: Any) -> TestResponse:
    return shop.api.post(
        f"/api/serials/{identifier}/advance-to", {"targetStepIndex": target, "userId": "Ada"}
    )


def test_a_unit_advances_step_by_step_to_completed(shop: Shop) -> None:
    [serial] = shop.serials(shop.path("Mill", "Inspect"), 1)
    address = f"/api/serials/{serial['id']}/advance"
    first = shop.api.post(address, {"userId": "Ada"})
    assert first.status_code == 200
    assert first.get_json()["currentStepIndex"] == 1
    assert first.get_json()["updatedAt"] >= serial["updatedAt"]
    last = shop.api.client.post(address).get_json()
    assert (last["currentStepIndex"], last["status"]) == (-1, "completed")
    assert shop.serial(serial["id"]) == last
    assert refusal(shop.api.post(address, {}), 409) == "Serial number is already completed"


def test_an_advance_needs_no_body_but_judges_the_one_it_gets(shop: Shop) -> None:
    [serial] = shop.serials(shop.path("Mill", "Inspect", "Pack"), 1)
    address = f"/api/serials/{serial['id']}/advance"
    assert shop.api.client.post(address, data=b"").status_code == 200
    assert refusal(shop.api.post(address, {"userId": 3}), 400) == "userId must be a string"
    assert shop.api.raw("POST", address, b"{").status_code == 400
    assert shop.api.raw("POST", address, b"[]").status_code == 400
    assert shop.api.client.post(address, data=b"x", content_type="text/plain").status_code == 415
    assert shop.serial(serial["id"])["currentStepIndex"] == 1


def test_a_unit_skips_optional_steps_of_a_flexible_path(shop: Shop) -> None:
    wash = {"name": "Wash", "optional": True}
    path = shop.path("Mill", wash, "Inspect", advancementMode="flexible")
    [serial] = shop.serials(path, 1)
    answer = advance_to(shop, serial["id"], 2)
    assert answer.status_code == 200
    assert answer.get_json() == {
        "serial": {
            **serial,
            "currentStepIndex": 2,
            "updatedAt": answer.get_json()["serial"]["updatedAt"],
        },
        "bypassed": [
            {
                "stepId": path["steps"][1]["id"],
                "stepName": "Wash",
                "classification": "skipped",
            }
        ],
    }
    shown = shop.api.get(f"/api/paths/{path['id']}").get_json()
    spread = [(s["partCount"], s["completedCount"]) for s in shown["distribution"]]
    assert spread == [(0, 1), (0, 1), (1, 0)]


def test_what_may_not_be_skipped_is_named_and_nothing_moves(shop: Shop) -> None:
    optional = {"name": "Wash", "optional": True}
    gate = {"name": "Gate", "dependencyType": "completion_gate", "optional": True}
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("strict", optional, 'Cannot skip step "Wash": the path is strict'),
        ("flexible", {"name": "Wash"}, 'Cannot skip step "Wash": it is not optional'),
        ("per_step", gate, 'Cannot skip step "Gate": its dependency is completion_gate'),
    ]
    for mode, step, message in cases:
        path = shop.path("Mill", step, "Inspect", advancementMode=mode)
        [serial] = shop.serials(path, 1)
        assert refusal(advance_to(shop, serial["id"], 2), 409) == message
        assert shop.serial(serial["id"]) == serial
        assert advance_to(shop, serial["id"], 1).get_json()["bypassed"] == []


def test_the_number_of_steps_as_target_completes(shop: Shop) -> None:
    [serial] = shop.serials(shop.path("Mill", "Wash", advancementMode="per_step"), 1)
    done = advance_to(shop, serial["id"], 2).get_json()
    assert (done["serial"]["status"], done["serial"]["currentStepIndex"]) == ("completed", -1)
    assert [step["stepName"] for step in done["bypassed"]] == ["Wash"]


def test_a_bad_target_is_refused(shop: Shop) -> None:
    [serial] = shop.serials(shop.path("Mill", "Wash"), 1)
    shop.advance([serial["id"]])
    bad: dict[Any, tuple[int, str]] = {
        None: (400, "targetStepIndex is required"),
        "2": (400, "targetStepIndex must be a number"),
        True: (400, "targetStepIndex must be a number"),
        1.5: (400, "targetStepIndex must be an integer"),
        -1: (400, "targetStepIndex must be between 0 and 2"),
        3: (400, "targetStepIndex must be between 0 and 2"),
        1e300: (400, "targetStepIndex must be between 0 and 2"),
        0: (409, "Cannot advance to step 0: the serial is at step 1"),
    }
    for target, (status, message) in bad.items():
        assert refusal(advance_to(shop, serial["id"], target), status) == message, target
    same = refusal(advance_to(shop, serial["id"], 1.0), 409)
    assert same == "Cannot advance to step 1: the serial is at step 1"


def test_many_advance_at_once_and_each_has_its_own_result(shop: Shop, engine: Engine) -> None:
    path, other = shop.path("Mill", "Inspect"), shop.path("Saw")
    a, b, c = (serial["id"] for serial in shop.serials(path, 3))
    [d] = (serial["id"] for serial in shop.serials(other, 1))
    shop.scrap(b)
    ids = [d, "SN-99999", a, b, "nonsense", c]
    answer = shop.api.post("/api/serials/advance", {"ids": ids, "userId": "Ada"})
    assert answer.status_code == 207
    content = answer.get_json()
    assert (content["advanced"], content["failed"]) == (3, 3)
    results = content["results"]
    assert [result["status"] for result in results] == [200, 404, 200, 409, 404, 200]
    assert [r["serial"]["id"] for r in results if "serial" in r] == [d, a, c]
    assert [r["serial"]["currentStepIndex"] for r in results if "serial" in r] == [-1, 1, 1]
    messages = [r["error"]["message"] for r in results if "error" in r]
    assert messages == [
        "SerialNumber not found: SN-99999",
        "Cannot advance a scrapped serial",
        "SerialNumber not found: nonsense",
    ]
    assert shop.serial(a) == results[2]["serial"]
    with begin(engine) as session:
        assert routes.miscounts(session) == []


def test_a_thousand_advance_at_once_and_no_more(shop: Shop) -> None:
    ids = [serial["id"] for serial in shop.serials(shop.path("Mill"), 1001)]
    address = "/api/serials/advance"
    bad: list[tuple[Any, str]] = [
        (None, "ids is required"),
        ([], "ids is required"),
        ("SN-00001", "ids must be an array of strings"),
        ([1], "ids must be an array of strings"),
        (ids, "ids must have at most 1000 entries"),
        ([ids[0], ids[0]], "ids must not repeat an id"),
    ]
    for wanted, message in bad:
        assert refusal(shop.api.post(address, {"ids": wanted}), 400) == message
    shop.advance(ids[:1000])
    assert len(shop.api.get("/api/serials?status=completed").get_json()) == 1000


def test_a_scrapped_unit_says_why_where_when_and_by_whom_and_stays_put(shop: Shop) -> None:
    path = shop.path("Mill", "Inspect")
    [serial] = shop.serials(path, 1)
    shop.advance([serial["id"]])
    ended = shop.scrap(serial["id"], reason="other", explanation="Fell down", userId="Bo")
    assert ended == {
        **serial,
        "currentStepIndex": 1,
        "status": "scrapped",
        "updatedAt": ended["scrappedAt"],
        "scrapReason": "other",
        "scrapExplanation": "Fell down",
        "scrapStepId": path["steps"][1]["id"],
        "scrappedAt": ended["scrappedAt"],
        "scrappedBy": "Bo",
    }
    assert shop.serial(serial["id"]) == ended
    for call in ("advance", "advance-to"):
        answer = shop.api.post(f"/api/serials/{serial['id']}/{call}", {"targetStepIndex": 2})
        assert refusal(answer, 409) == "Cannot advance a scrapped serial"
    again = shop.api.post(f"/api/serials/{serial['id']}/scrap", {"reason": "damaged"})
    assert refusal(again, 409) == "Serial number is already scrapped"


def test_scrapping_needs_a_known_reason_and_other_an_explanation(shop: Shop) -> None:
    [serial] = shop.serials(shop.path("Mill"), 1)
    reasons = "out_of_tolerance, process_defect, damaged, operator_error, other"
    bad: list[tuple[dict[str, Any], str]] = [
        ({}, "reason is required"),
        ({"reason": "bad luck"}, f"reason must be one of {reasons}"),
        ({"reason": ["other"]}, f"reason must be one of {reasons}"),
        ({"reason": "other"}, "explanation is required"),
        ({"reason": "other", "explanation": " "}, "explanation is required"),
        ({"reason": "other", "explanation": None}, "explanation is required"),
        ({"reason": "damaged", "explanation": 4}, "explanation must be a string"),
        (
            {"reason": "damaged", "explanation": "x" * 256},
            "explanation must be at most 255 characters",
        ),
    ]
    for content, message in bad:
        answer = shop.api.post(f"/api/serials/{serial['id']}/scrap", content)
        assert refusal(answer, 400) == message, content
    assert shop.serial(serial["id"]) == serial
    shop.advance([serial["id"]])
    refused = shop.api.post(f"/api/serials/{serial['id']}/scrap", {"reason": "damaged"})
    assert refusal(refused, 409) == "Cannot scrap a completed serial"


def test_a_unit_that_is_not_there_is_not_found_whatever_the_body(shop: Shop) -> None:
    for identifier in ("SN-00001", "SN-1", "sn-00001", "7", "SN-" + "9" * 30):
        message = f"SerialNumber not found: {identifier}"
        address = f"/api/serials/{identifier}"
        assert refusal(shop.api.get(address), 404) == message
        assert refusal(shop.api.get(f"{address}/history"), 404) == message
        for call in ("advance", "advance-to", "scrap"):
            assert refusal(shop.api.post(f"{address}/{call}", {"userId": 1}), 404) == message


def test_the_history_says_who_did_what_and_when(shop: Shop) -> None:
    wash = {"name": "Wash", "optional": True}
    path = shop.path("Mill", wash, "Inspect", advancementMode="flexible")
    mill, washing, inspect = (step["id"] for step in path["steps"])
    [serial] = shop.serials(path, 1)
    advance_to(shop, serial["id"], 2)
    shop.scrap(serial["id"], reason="other", explanation="Cracked", userId="Bo")
    told = shop.api.get(f"/api/serials/{serial['id']}/history").get_json()
    moments = [event.pop("at") for event in told]
    assert moments == sorted(moments)
    assert moments[0] == serial["createdAt"]
    assert told == [
        {
            "action": "created",
            "userId": "anonymous",
            "toStepId": mill,
            "toStepName": "Mill",
            "toStepIndex": 0,
        },
        {
            "action": "advanced",
            "userId": "Ada",
            "fromStepId": mill,
            "fromStepName": "Mill",
            "fromStepIndex": 0,
            "toStepId": inspect,
            "toStepName": "Inspect",
            "toStepIndex": 2,
            "bypassedStepIds": [washing],
        },
        {
            "action": "scrapped",
            "userId": "Bo",
            "fromStepId": inspect,
            "fromStepName": "Inspect",
            "fromStepIndex": 2,
            "reason": "other",
            "explanation": "Cracked",
        },
    ]


def test_a_completion_is_shown_with_index_minus_one(shop: Shop) -> None:
    [serial] = shop.serials(shop.path("Mill"), 1)
    shop.advance([serial["id"]])
    last = shop.api.get(f"/api/serials/{serial['id']}/history").get_json()[-1]
    assert (last["action"], last["toStepIndex"]) == ("completed", -1)
    assert "toStepId" not in last


def test_the_credentials_name_is_recorded_where_no_user_is_named(
    shop: Shop, engine: Engine
) -> None:
    path = shop.path("Mill", "Inspect")
    headers = bearer(token(engine, Scope.JOBS_READ, Scope.JOBS_WRITE, name="scanner 4"))
    shop.api.post("/api/serials", body(path, quantity=1), headers=headers)
    shop.api.post("/api/serials/SN-00001/advance", {"userId": "Ada"}, headers=headers)
    shop.api.post("/api/serials/SN-00001/scrap", {"reason": "damaged"}, headers=headers)
    told = shop.api.get("/api/serials/SN-00001/history", headers=headers).get_json()
    assert [event["userId"] for event in told] == ["scanner 4", "Ada", "scanner 4"]


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE serial_events SET user_id = 'nobody'",
        "DELETE FROM serial_events WHERE action = 'completed'",
        "TRUNCATE serial_events",
    ],
)
def test_the_database_refuses_changes_of_a_history(
    shop: Shop, engine: Engine, forgery: str
) -> None:
    [serial] = shop.serials(shop.path("Mill"), 1)
    shop.advance([serial["id"]])
    address = f"/api/serials/{serial['id']}/history"
    before = shop.api.get(address).get_json()
    with pytest.raises(DatabaseError, match="append-only"), begin(engine) as session:
        session.execute(text(forgery))
    assert shop.api.get(address).get_json() == before
