"""Deliveries over the API: list, read, replay, and refusals with their reason."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.ids import Prefix, new_id
from shared.states import Scope
from tests.dsl import ApiClient, bearer, token
from tests.support.jira.hooks import Inbox, payload

BASE = "/api/webhooks/deliveries"


def test_a_delivery_is_shown_as_the_contract_says(api: ApiClient, inbox: Inbox) -> None:
    delivery_id = inbox.end(inbox.put(identifier="b1c2", retry=1, flow="Primary"))
    (shown,) = api.get(BASE).get_json()
    row = inbox.row(delivery_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown.pop("receivedAt"))
    assert shown.pop("appliedAt")
    assert shown == {
        "id": delivery_id,
        "identifier": "b1c2",
        "event": "jira:issue_updated",
        "ticketKey": "PI-42",
        "outcome": "noted",
        "reason": "Because.",
        "duplicates": 0,
        "signed": True,
        "tries": 0,
        "retry": 1,
        "flow": "Primary",
        "bodySize": row.body_size,
        "bodyKept": True,
    }
    one = api.get(f"{BASE}/{delivery_id}").get_json()
    assert one["body"].encode() == row.body


def test_one_that_waits_has_no_outcome_yet(api: ApiClient, inbox: Inbox) -> None:
    delivery_id = inbox.put()
    shown = api.get(f"{BASE}/{delivery_id}").get_json()
    assert not {"outcome", "reason", "appliedAt", "event"} & set(shown)


def test_an_unknown_delivery_is_404(api: ApiClient) -> None:
    missing = new_id(Prefix.HOOK)
    for answer in (api.get(f"{BASE}/{missing}"), api.post(f"{BASE}/{missing}/replay", None)):
        assert answer.status_code == 404
        assert answer.get_json()["message"] == f"Delivery not found: {missing}"


def test_the_list_is_filtered_by_each_of_its_parameters(
    api: ApiClient, inbox: Inbox, engine: Engine
) -> None:
    failed = inbox.end(inbox.put(), "failed")
    other = inbox.end(inbox.put(), ticket_key="OPS-7", event="comment_created")
    hint = inbox.put(signed=False, identifier="from-automation")
    with begin(engine) as session:
        session.execute(
            text("UPDATE webhook_deliveries SET received_at = '2020-01-01' WHERE id = :id"),
            {"id": failed},
        )

    def found(**query: str) -> list[str]:
        return [shown["id"] for shown in api.get(BASE, query_string=query).get_json()]

    assert found() == [hint, other, failed]
    assert found(outcome="failed") == [failed]
    assert found(outcome="waiting") == [hint]
    assert found(ticketKey="ops-7") == [other]
    assert found(event="comment_created") == [other]
    assert found(signed="false") == [hint]
    assert found(receivedUntil="2021-01-01T00:00:00Z") == [failed]
    assert found(receivedSince="2021-01-01T00:00:00Z") == [hint, other]
    assert found(q="from-automation") == [hint]
    assert found(q=failed) == [failed]
    assert found(q="pi-42", outcome="noted") == []


@pytest.mark.parametrize(
    "query",
    [
        {"outcome": "lost"},
        {"signed": "1"},
        {"ticketKey": "42"},
        {"receivedSince": "yesterday"},
        {"limit": "0"},
        {"cursor": "x"},
        {"sort": "id"},
    ],
)
def test_an_unknown_filter_is_refused(api: ApiClient, query: dict[str, str]) -> None:
    assert api.get(BASE, query_string=query).status_code == 400


def test_pages_follow_each_other_without_gap_or_repeat(api: ApiClient, inbox: Inbox) -> None:
    ids = [inbox.put() for _ in range(5)]
    seen: list[str] = []
    address: str | None = f"{BASE}?limit=2"
    while address:
        answer = api.get(address)
        seen += [shown["id"] for shown in answer.get_json()]
        following = answer.headers.get("Link")
        address = following.split(">")[0].lstrip("<") if following else None
    assert seen == ids[::-1]


def test_a_replay_makes_a_delivery_wait_again(api: ApiClient, inbox: Inbox, engine: Engine) -> None:
    delivery_id = inbox.end(inbox.put(), "failed", tries=5)
    answer = api.post(f"{BASE}/{delivery_id}/replay", None)
    assert answer.status_code == 202
    assert "outcome" not in answer.get_json()
    row = inbox.row(delivery_id)
    assert (row.outcome, row.reason, row.tries, row.applied_at) == (None, None, 0, None)
    with begin(engine) as session:
        events = session.execute(text("SELECT action, subject FROM audit_events")).all()
    assert [tuple(event) for event in events] == [("replay", delivery_id)]


def test_a_replay_is_refused_with_the_reason(api: ApiClient, inbox: Inbox) -> None:
    waiting = inbox.put()
    bodiless = inbox.end(inbox.put(), body=None)
    for delivery_id, words in ((waiting, "still waiting"), (bodiless, "no longer kept")):
        answer = api.post(f"{BASE}/{delivery_id}/replay", None)
        assert answer.status_code == 409
        assert words in answer.get_json()["message"]


def test_all_that_match_are_replayed_on_the_server(
    api: ApiClient, inbox: Inbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.actions.bulk.BATCH_SIZE", 2)
    failed = [inbox.end(inbox.put(), "failed") for _ in range(5)]
    inbox.end(inbox.put(), "failed", body=None)
    noted = inbox.end(inbox.put(), "noted")
    counts = {"matched": 6, "replayable": 5, "waiting": 0, "bodyGone": 1}
    request: dict[str, Any] = {"filter": {"outcome": "failed"}, "dryRun": True}
    dry = api.post(f"{BASE}/replay", request)
    assert (dry.status_code, dry.get_json()) == (200, {**counts, "replayed": 0, "dryRun": True})
    assert inbox.row(failed[0]).outcome == "failed"
    real = api.post(f"{BASE}/replay", {**request, "dryRun": False})
    assert (real.status_code, real.get_json()) == (202, {**counts, "replayed": 5, "dryRun": False})
    assert {inbox.row(delivery_id).outcome for delivery_id in failed} == {None}
    assert inbox.row(noted).outcome == "noted"
    again = api.post(f"{BASE}/replay", {"filter": {}, "dryRun": True}).get_json()
    assert (again["matched"], again["waiting"], again["replayable"]) == (7, 5, 1)
    with begin(engine) as session:
        events = session.execute(text("SELECT action, filter, counts FROM audit_events")).all()
    assert [tuple(event) for event in events] == [
        ("replay", {"outcome": "failed"}, {"replayed": 5})
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "filter is required"),
        ({"filter": []}, "filter must be an object"),
        ({"filter": {"outcome": "lost"}}, "filter.outcome must be one of"),
        ({"filter": {}, "dryRun": "yes"}, "dryRun must be true or false"),
    ],
)
def test_a_replay_of_all_wants_a_filter_it_understands(
    api: ApiClient, body: dict[str, Any], message: str
) -> None:
    answer = api.post(f"{BASE}/replay", body)
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(message)


def test_deliveries_need_the_scopes_of_operations(
    api: ApiClient, inbox: Inbox, engine: Engine
) -> None:
    delivery_id = inbox.end(inbox.put(payload()))
    reader = bearer(token(engine, Scope.OPS_READ, name="reader"))
    planner = bearer(token(engine, Scope.JOBS_READ, Scope.JOBS_WRITE, name="planner"))
    assert api.get(BASE).status_code == 401
    assert api.get(BASE, headers=planner).status_code == 403
    assert api.get(BASE, headers=reader).status_code == 200
    assert api.post(f"{BASE}/{delivery_id}/replay", None, headers=reader).status_code == 403
    assert api.post(f"{BASE}/replay", {"filter": {}}, headers=reader).status_code == 403
