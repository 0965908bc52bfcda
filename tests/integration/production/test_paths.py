"""Paths over HTTP: define, read with distribution, list, change, delete."""

from typing import Any

from sqlalchemy import Engine, text

from shared.database.engine import begin
from tests.support.data.shop import Shop, refusal

STEPS = [
    {"name": "Mill", "location": "Hall 1"},
    {"name": "Deburr", "optional": True},
    {"name": "Inspect", "dependencyType": "completion_gate"},
]


def body(shop: Shop, **changes: Any) -> dict[str, Any]:
    return {
        "jobId": shop.job["id"],
        "name": "Main line",
        "goalQuantity": 10,
        "steps": STEPS,
        **changes,
    }


def test_a_path_is_created_with_its_steps_and_the_defaults(shop: Shop) -> None:
    answer = shop.api.post("/api/paths", body(shop))
    assert answer.status_code == 201
    path = answer.get_json()
    ids = [step.pop("id") for step in path["steps"]]
    assert len({i for i in ids if i.startswith("step_")}) == 3
    assert path["id"].startswith("path_")
    assert path["createdAt"] == path["updatedAt"]
    assert path == {
        "id": path["id"],
        "jobId": shop.job["id"],
        "name": "Main line",
        "goalQuantity": 10,
        "advancementMode": "strict",
        "steps": [
            {
                "name": "Mill",
                "order": 0,
                "location": "Hall 1",
                "optional": False,
                "dependencyType": "preferred",
            },
            {"name": "Deburr", "order": 1, "optional": True, "dependencyType": "preferred"},
            {
                "name": "Inspect",
                "order": 2,
                "optional": False,
                "dependencyType": "completion_gate",
            },
        ],
        "createdAt": path["createdAt"],
        "updatedAt": path["updatedAt"],
    }
    assert answer.headers["Location"] == f"/api/paths/{path['id']}"
    assert answer.headers["ETag"] == '"1"'


BAD_PATHS: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name is required"),
    ({"name": "  "}, "name is required"),
    ({"name": 5}, "name must be a string"),
    ({"name": "x" * 256}, "name must be at most 255 characters"),
    ({"name": "", "goalQuantity": 0, "steps": []}, "name is required"),
    ({"goalQuantity": None, "steps": None}, "goalQuantity is required"),
    ({"goalQuantity": 0, "steps": None}, "goalQuantity must be greater than 0"),
    ({"goalQuantity": "5"}, "goalQuantity must be a number"),
    ({"goalQuantity": 1.5}, "goalQuantity must be an integer"),
    ({"goalQuantity": 2**31}, "goalQuantity must be at most 2147483647"),
    ({"steps": None}, "steps is required"),
    ({"steps": []}, "steps is required"),
    ({"steps": "Mill"}, "steps must be an array"),
    ({"steps": {}}, "steps must be an array"),
    ({"steps": ["Mill"]}, "steps[0] must be an object"),
    ({"steps": [{"name": "Mill"}, {}]}, "steps[1].name is required"),
    ({"steps": [{"name": " "}]}, "steps[0].name is required"),
    ({"steps": [{"name": "M", "location": 7}]}, "steps[0].location must be a string"),
    (
        {"steps": [{"name": "M", "optional": "yes"}]},
        "steps[0].optional must be true or false",
    ),
    ({"steps": [{"name": "M", "optional": 1}]}, "steps[0].optional must be true or false"),
    (
        {"steps": [{"name": "M", "dependencyType": "soft"}]},
        "steps[0].dependencyType must be one of physical, preferred, completion_gate",
    ),
    ({"steps": [{"name": "M"}] * 1001}, "steps must have at most 1000 entries"),
    ({"advancementMode": "free"}, "advancementMode must be one of strict, flexible, per_step"),
    ({"jobId": None}, "jobId is required"),
    ({"jobId": 5}, "jobId must be a string"),
]


def test_a_bad_path_is_refused_with_the_reason_and_stores_nothing(
    shop: Shop, engine: Engine
) -> None:
    for changes, message in BAD_PATHS:
        answer = shop.api.post("/api/paths", body(shop, **changes))
        assert refusal(answer, 400) == message, changes
    with begin(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM paths")) == 0


def test_the_job_is_looked_for_only_when_the_rest_is_right(shop: Shop) -> None:
    wrong = body(shop, jobId="job_none", name="")
    assert refusal(shop.api.post("/api/paths", wrong), 400) == "name is required"
    missing = body(shop, jobId="job_none")
    assert refusal(shop.api.post("/api/paths", missing), 404) == "Job not found: job_none"


def test_the_same_idempotency_key_makes_one_path(shop: Shop) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = shop.api.post("/api/paths", body(shop), headers=headers)
    second = shop.api.post("/api/paths", body(shop), headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json() == second.get_json()
    assert len(shop.api.get(f"/api/jobs/{shop.job['id']}/paths").get_json()) == 1


def test_a_path_shows_where_its_units_are_and_where_most_wait(shop: Shop) -> None:
    path = shop.path("Mill", "Deburr", "Inspect")
    ids = [serial["id"] for serial in shop.serials(path, 6)]
    shop.advance(ids[:5])
    shop.advance(ids[:4])
    shop.advance(ids[:1])
    shop.scrap(ids[1])
    shown = shop.api.get(f"/api/paths/{path['id']}").get_json()
    spread = [
        (s["stepName"], s["stepOrder"], s["partCount"], s["completedCount"], s["isBottleneck"])
        for s in shown["distribution"]
    ]
    assert spread == [
        ("Mill", 0, 1, 5, False),
        ("Deburr", 1, 1, 4, False),
        ("Inspect", 2, 2, 1, True),
    ]
    assert shown["completedCount"] == 1
    assert [s["stepId"] for s in shown["distribution"]] == [s["id"] for s in path["steps"]]
    assert {k: shown[k] for k in path} == path


def test_a_path_without_units_has_no_bottleneck(shop: Shop) -> None:
    path = shop.path("Mill", "Deburr")
    shown = shop.api.get(f"/api/paths/{path['id']}").get_json()
    assert [s["isBottleneck"] for s in shown["distribution"]] == [False, False]
    assert shown["completedCount"] == 0


def test_a_job_lists_its_paths_and_tells_its_progress(shop: Shop) -> None:
    first, second = shop.path("Mill", goalQuantity=4), shop.path("Mill", goalQuantity=1)
    shop.advance([s["id"] for s in shop.serials(first, 3)])
    shop.advance([s["id"] for s in shop.serials(second, 2)])
    assert shop.api.get(f"/api/jobs/{shop.job['id']}/paths").get_json() == [first, second]
    job = shop.api.get(f"/api/jobs/{shop.job['id']}").get_json()
    assert job["paths"] == [first, second]
    assert job["progress"] == {
        "totalGoal": 4,
        "totalCompleted": 5,
        "percentComplete": 125,
        "pathProgress": [
            {
                "pathId": first["id"],
                "pathName": "Main line",
                "goal": 4,
                "completed": 3,
                "percentComplete": 75,
            },
            {
                "pathId": second["id"],
                "pathName": "Main line",
                "goal": 1,
                "completed": 2,
                "percentComplete": 200,
            },
        ],
    }


def test_paths_of_a_job_that_is_not_there_are_not_found(shop: Shop) -> None:
    assert refusal(shop.api.get("/api/jobs/job_no/paths"), 404) == "Job not found: job_no"
    assert shop.api.get(f"/api/jobs/{shop.job['id']}/paths").get_json() == []


def test_an_update_changes_what_it_names_and_moves_version_and_moment(shop: Shop) -> None:
    path = shop.path("Mill", "Inspect")
    answer = shop.api.put(f"/api/paths/{path['id']}", {"name": " Second line ", "jobId": "x"})
    assert answer.status_code == 200
    changed = answer.get_json()
    assert changed["updatedAt"] > path["updatedAt"]
    assert changed == {**path, "name": "Second line", "updatedAt": changed["updatedAt"]}
    assert answer.headers["ETag"] == '"2"'
    again = shop.api.put(f"/api/paths/{path['id']}", {})
    assert again.get_json()["updatedAt"] > changed["updatedAt"]
    everything = {"goalQuantity": 7, "advancementMode": "per_step"}
    shown = shop.api.put(f"/api/paths/{path['id']}", everything).get_json()
    assert (shown["goalQuantity"], shown["advancementMode"]) == (7, "per_step")


def test_steps_are_kept_by_id_and_units_stay_where_they_are(shop: Shop) -> None:
    path = shop.path("Mill", "Deburr", "Inspect")
    [serial] = shop.serials(path, 1)
    shop.advance([serial["id"]])
    mill, deburr, inspect = path["steps"]
    wanted = [
        {"name": "Saw"},
        {"id": mill["id"]},
        {"id": deburr["id"], "name": "Polish", "location": "Hall 2"},
        {"name": "Wash", "optional": True},
        {"id": inspect["id"]},
    ]
    shown = shop.api.put(f"/api/paths/{path['id']}", {"steps": wanted}).get_json()
    assert [s["name"] for s in shown["steps"]] == ["Saw", "Mill", "Polish", "Wash", "Inspect"]
    assert [s["order"] for s in shown["steps"]] == [0, 1, 2, 3, 4]
    assert [s["id"] for s in shown["steps"]][1:3] == [mill["id"], deburr["id"]]
    assert shop.serial(serial["id"])["currentStepIndex"] == 2
    moved = shop.api.post(f"/api/serials/{serial['id']}/advance", {}).get_json()
    assert moved["currentStepIndex"] == 3


def test_history_is_protected_and_a_refused_change_changes_nothing(shop: Shop) -> None:
    path = shop.path("Mill", "Deburr", "Inspect")
    shop.advance([s["id"] for s in shop.serials(path, 1)])
    mill, deburr, inspect = ({"id": step["id"]} for step in path["steps"])
    address = f"/api/paths/{path['id']}"

    def refused(*steps: dict[str, Any]) -> str:
        return refusal(shop.api.put(address, {"name": "No", "steps": list(steps)}), 409)

    gone = "units are at it or have passed it"
    assert refused(deburr, inspect) == f'Cannot remove step "Mill": {gone}'
    assert refused(mill, inspect) == f'Cannot remove step "Deburr": {gone}'
    assert refused({"name": "All new"}) == f'Cannot remove step "Mill": {gone}'
    assert refused(deburr, mill, inspect) == (
        'Cannot move step "Deburr" before "Mill": units are at them or have passed them'
    )
    shown = shop.api.get(address).get_json()
    assert {k: shown[k] for k in path} == path
    unseen = shop.api.put(address, {"steps": [inspect, mill, deburr]})
    assert [s["name"] for s in unseen.get_json()["steps"]] == ["Inspect", "Mill", "Deburr"]


BAD_UPDATES: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name cannot be empty"),
    ({"goalQuantity": -1}, "goalQuantity must be greater than 0"),
    ({"steps": []}, "steps cannot be empty"),
    ({"steps": [{}]}, "steps[0].name is required"),
    ({"steps": [{"location": "Hall 1"}]}, "steps[0].name is required"),
    ({"steps": [{"id": 4}]}, "steps[0].id must be a string"),
    ({"steps": [{"id": "step_no"}]}, "steps[0].id is not a step of this path"),
    ({"steps": [{"id": "0"}, {"id": "0"}]}, "steps[1].id is given twice"),
    ({"steps": [{"id": "0", "name": ""}]}, "steps[0].name cannot be empty"),
    ({"advancementMode": 3}, "advancementMode must be one of strict, flexible, per_step"),
]


def test_a_bad_update_is_refused_with_the_reason_and_changes_nothing(shop: Shop) -> None:
    path = shop.path("Mill", "Deburr")
    address = f"/api/paths/{path['id']}"
    before = shop.api.get(address).get_json()
    for changes, message in BAD_UPDATES:
        for step in changes.get("steps", []):
            if step.get("id") == "0":
                step["id"] = path["steps"][0]["id"]
        assert refusal(shop.api.put(address, changes), 400) == message, changes
    assert shop.api.get(address).get_json() == before


def test_a_step_of_another_path_cannot_be_taken_over(shop: Shop) -> None:
    mine, other = shop.path("Mill"), shop.path("Deburr")
    stolen = {"steps": [{"id": mine["steps"][0]["id"]}, {"id": other["steps"][0]["id"]}]}
    message = refusal(shop.api.put(f"/api/paths/{mine['id']}", stolen), 400)
    assert message == "steps[1].id is not a step of this path"
    assert shop.api.get(f"/api/paths/{other['id']}").get_json()["steps"] == other["steps"]


def test_a_path_is_looked_up_before_the_body_is_judged(shop: Shop) -> None:
    for content in ({"name": ""}, {"name": "fine"}):
        answer = shop.api.put("/api/paths/path_no", content)
        assert refusal(answer, 404) == "Path not found: path_no"
    assert refusal(shop.api.get("/api/paths/path_no"), 404) == "Path not found: path_no"
    assert refusal(shop.api.delete("/api/paths/path_no"), 404) == "Path not found: path_no"


def test_who_read_an_older_version_does_not_overwrite_a_newer(shop: Shop) -> None:
    path = shop.path("Mill")
    address = f"/api/paths/{path['id']}"
    old = {"If-Match": shop.api.get(address).headers["ETag"]}
    shop.serials(path, 1)
    assert shop.api.put(address, {"name": "A"}, headers=old).status_code == 200
    refused = shop.api.put(address, {"name": "B"}, headers=old)
    assert refused.status_code == 412
    assert shop.api.delete(address, headers=old).status_code == 412
    assert shop.api.get(address).get_json()["name"] == "A"


def test_a_path_without_units_is_deleted_and_one_with_units_is_not(shop: Shop) -> None:
    path = shop.path("Mill")
    address = f"/api/paths/{path['id']}"
    [serial] = shop.serials(path, 1)
    shop.scrap(serial["id"])
    assert (
        refusal(shop.api.delete(address), 409) == "Cannot delete path with serial numbers attached"
    )
    empty = shop.path("Mill")
    assert shop.api.delete(f"/api/paths/{empty['id']}").status_code == 204
    assert shop.api.get(f"/api/paths/{empty['id']}").status_code == 404
    assert shop.api.get(address).status_code == 200


def test_a_job_with_paths_goes_only_with_all_they_hold(shop: Shop, engine: Engine) -> None:
    for _ in range(2):
        shop.advance([s["id"] for s in shop.serials(shop.path("Mill"), 2)])
    address = f"/api/jobs/{shop.job['id']}"
    message = "Cannot delete job: it has 2 path(s). Remove all paths first."
    assert refusal(shop.api.delete(address), 409) == message
    assert shop.api.delete(f"{address}?cascade=true").status_code == 204
    with begin(engine) as session:
        for table in ("jobs", "paths", "steps", "serials", "serial_events"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
