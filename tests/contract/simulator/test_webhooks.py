"""The simulator's webhooks against a real receiver: JIRA.md section 6."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from tests.support.jira.simulator import Client, Received, Receiver, cloud, data_center
from tests.support.waiting import eventually
from worker.simulator import defaults

IDENTIFIER = "x-atlassian-webhook-identifier"
RETRY = "x-atlassian-webhook-retry"


@pytest.fixture
def jira(receiver: Receiver) -> Iterator[Client]:
    """A Cloud that sends webhooks to the receiver, and retries after tens of milliseconds."""
    secret = defaults.WEBHOOK_SECRET
    config: dict[str, Any] = {"webhook_url": receiver.url, "webhook_secret": secret}
    with cloud(**config, retry_scale=0.0001, webhook_timeout_seconds=0.5) as client:
        yield client


def _edit(client: Client, key: str, **fields: object) -> None:
    answer = client.put(f"/rest/api/2/issue/{key}", json={"fields": fields})
    assert answer.status_code == 204, answer.text


def _first(receiver: Receiver) -> Received:
    return eventually(lambda: receiver.got[:1])[0]


def test_an_edit_is_announced_with_the_ticket_in_v2_shape(jira: Client, receiver: Receiver) -> None:
    _edit(jira, "PI-42", summary="Build 60 aluminum housings")

    payload = orjson.loads(_first(receiver).body)

    assert payload["webhookEvent"] == "jira:issue_updated"
    assert payload["timestamp"] > 1_600_000_000_000
    assert payload["issue"]["id"] == "10042"
    assert payload["issue"]["self"].endswith("/rest/api/2/issue/10042")
    assert payload["issue"]["fields"] == jira.issue("PI-42")["fields"]
    assert isinstance(payload["issue"]["fields"]["description"], str)


def test_the_changelog_says_what_became_what(jira: Client, receiver: Receiver) -> None:
    number = defaults.FIELD_PART_NUMBER
    _edit(jira, "PI-42", priority={"name": "Low"}, **{number: "ALU-7"})

    items = orjson.loads(_first(receiver).body)["changelog"]["items"]

    by_field = {item["field"]: item for item in items}
    assert by_field["priority"]["fromString"] == "High"
    assert by_field["priority"]["toString"] == "Low"
    assert by_field["priority"]["to"] == "4"
    assert by_field["Part Number / Rev"]["fieldtype"] == "custom"
    assert by_field["Part Number / Rev"]["fieldId"] == number
    assert by_field["Part Number / Rev"]["toString"] == "ALU-7"


def test_the_signature_is_over_the_raw_body(jira: Client, receiver: Receiver) -> None:
    _edit(jira, "PI-42", summary="Ähnlich")

    got = _first(receiver)

    digest = hmac.new(defaults.WEBHOOK_SECRET.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-hub-signature"] == f"sha256={digest}"
    assert got.headers["x-atlassian-webhook-flow"] == "Primary"
    assert RETRY not in got.headers


def test_a_move_keeps_the_id_and_names_both_keys(jira: Client, receiver: Receiver) -> None:
    new = jira.post("/_sim/tickets/PI-42/move", json={"project": "TL"}).json()["key"]

    payload = orjson.loads(_first(receiver).body)

    items = {item["field"]: item for item in payload["changelog"]["items"]}
    assert (payload["issue"]["id"], payload["issue"]["key"]) == ("10042", new)
    assert (items["Key"]["fromString"], items["Key"]["toString"]) == ("PI-42", new)
    assert (items["project"]["from"], items["project"]["to"]) == ("10000", "10001")
    assert jira.issue("PI-42")["key"] == new


def test_creating_and_deleting_are_announced(jira: Client, receiver: Receiver) -> None:
    fields = {"summary": "New", "priority": "Low", "parent": "PI-10"}
    key = jira.post("/_sim/tickets", json={"project": "PI", "fields": fields}).json()["keys"][0]
    eventually(lambda: len(receiver.got) == 1)
    jira.delete(f"/_sim/tickets/{key}")
    eventually(lambda: len(receiver.got) == 2)

    payloads = [orjson.loads(got.body) for got in receiver.got]

    events = [payload["webhookEvent"] for payload in payloads]
    assert events == ["jira:issue_created", "jira:issue_deleted"]
    assert {payload["issue"]["key"] for payload in payloads} == {key}
    assert payloads[1]["issue"]["fields"]["summary"] == "New"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 503])
def test_such_an_answer_is_tried_again_under_the_same_identifier(
    jira: Client, receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda number: status if number < 3 else 200
    _edit(jira, "PI-42", summary="Other")

    assert jira.webhook_summary()["delivered"] == 1
    assert len({got.headers[IDENTIFIER] for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert [got.headers.get(RETRY) for got in receiver.got] == [None, "1", "2"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413])
def test_any_other_refusal_is_final(jira: Client, receiver: Receiver, status: int) -> None:
    receiver.answer = lambda _: status
    _edit(jira, "PI-42", summary="Other")

    assert jira.webhook_summary()["failed"] == 1
    assert len(receiver.got) == 1


def test_after_five_retries_the_event_is_lost(jira: Client, receiver: Receiver) -> None:
    receiver.answer = lambda _: 503
    _edit(jira, "PI-42", summary="Other")

    assert jira.webhook_summary()["failed"] == 1
    assert len(receiver.got) == 6


def test_after_half_an_hour_of_failing_new_events_get_one_attempt(receiver: Receiver) -> None:
    receiver.answer = lambda _: 503
    with cloud(webhook_url=receiver.url, retry_scale=0.00001) as jira:
        _edit(jira, "PI-42", summary="Other")
        jira.webhook_summary()
        eventually(lambda: _announced(jira, receiver, "PI-1") == 1)
        receiver.answer = lambda _: 200
        assert _announced(jira, receiver, "PI-2") == 1
        receiver.answer = lambda _: 503

        assert _announced(jira, receiver, "PI-3") > 1


def _announced(client: Client, receiver: Receiver, key: str) -> int:
    """How many requests one more edit of the ticket caused."""
    before = len(receiver.got)
    _edit(client, key, labels=[f"edit-{before}"])
    client.webhook_summary()
    return len(receiver.got) - before


def test_a_receiver_that_is_away_gets_it_later(jira: Client, receiver: Receiver) -> None:
    jira.delete("/_sim/webhooks")
    jira.post("/_sim/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    _edit(jira, "PI-42", summary="Other")

    summary = jira.webhook_summary()

    assert summary["failed"] == 1
    assert summary["attempts"] >= 2
    assert set(summary["statuses"]) == {"NewConnectionError"}
    assert receiver.got == []


def test_a_hook_without_a_secret_is_not_signed(jira: Client, receiver: Receiver) -> None:
    jira.delete("/_sim/webhooks")
    made = jira.post("/_sim/webhooks", json={"url": receiver.url})
    _edit(jira, "PI-42", summary="Other")

    assert made.json()["isSigned"] is False
    assert "x-hub-signature" not in _first(receiver).headers


def test_without_a_body_the_key_is_in_the_address(jira: Client, receiver: Receiver) -> None:
    jira.delete("/_sim/webhooks")
    url = f"{receiver.url}?key={{issue.key}}&id={{issue.id}}&project={{project.key}}"
    jira.post("/_sim/webhooks", json={"url": url, "excludeBody": True, "secret": "s"})
    _edit(jira, "PI-42", summary="Other")

    got = _first(receiver)

    assert got.path == "/hook?key=PI-42&id=10042&project=PI"
    assert got.body == b""
    assert got.headers["x-hub-signature"].startswith("sha256=")


def test_a_jql_filter_and_a_list_of_events_hold(jira: Client, receiver: Receiver) -> None:
    jira.delete("/_sim/webhooks")
    wanted = {"url": receiver.url, "jql": "project = PI", "events": ["jira:issue_updated"]}
    jira.post("/_sim/webhooks", json=wanted)
    _edit(jira, "TL-1", summary="Not in PI")
    jira.delete("/rest/api/2/issue/PI-1")
    _edit(jira, "PI-42", summary="In PI")

    assert jira.webhook_summary()["total"] == 1
    assert orjson.loads(receiver.got[0].body)["issue"]["key"] == "PI-42"


def test_headers_of_ones_own_go_along(jira: Client, receiver: Receiver) -> None:
    jira.delete("/_sim/webhooks")
    headers = {"X-Automation-Webhook-Token": "t0ken"}
    jira.post("/_sim/webhooks", json={"url": receiver.url, "headers": headers})
    _edit(jira, "PI-42", summary="Other")

    assert _first(receiver).headers["x-automation-webhook-token"] == "t0ken"


@pytest.mark.parametrize(
    "hook",
    [{}, {"url": "ftp://x"}, {"url": "http://x", "colour": 1}, {"url": "http://x", "jql": "what"}],
)
def test_a_hook_that_makes_no_sense_is_refused(jira: Client, hook: dict[str, Any]) -> None:
    assert jira.post("/_sim/webhooks", json=hook).status_code == 400


def test_the_admins_list_shows_hooks_without_their_secret(jira: Client) -> None:
    made = jira.get("/rest/webhooks/1.0/webhook").json()

    assert [hook["isSigned"] for hook in made] == [True]
    assert defaults.WEBHOOK_SECRET not in str(made)


def test_only_an_admin_may_read_that_list() -> None:
    with cloud(admin=False) as client:
        assert client.get("/rest/webhooks/1.0/webhook").status_code == 403
        client.auth = None
        assert client.get("/rest/webhooks/1.0/webhook").status_code == 401


def test_data_center_sends_no_identifier_and_never_tries_again(receiver: Receiver) -> None:
    receiver.answer = lambda _: 503
    with data_center(webhook_url=receiver.url, retry_scale=0.0001) as jira:
        _edit(jira, "PI-42", summary="Other")
        summary = jira.webhook_summary()

    assert summary["failed"] == 1
    assert len(receiver.got) == 1
    assert IDENTIFIER not in receiver.got[0].headers
    assert "x-hub-signature" in receiver.got[0].headers


def test_data_center_announces_an_epic_link_as_issue_links_that_name_ids_alone(
    receiver: Receiver,
) -> None:
    with data_center(webhook_url=receiver.url) as jira:
        jira.patch("/_sim/tickets/PI-42", json={"parent": "PI-50"}).raise_for_status()
        assert jira.webhook_summary()["total"] == 2
        assert jira.issue("PI-42")["fields"][defaults.FIELD_EPIC_LINK] == "PI-50"

    bodies = {
        body["webhookEvent"]: body for body in (orjson.loads(got.body) for got in receiver.got)
    }
    assert set(bodies) == {"issuelink_deleted", "issuelink_created"}
    assert all(
        body.keys() == {"timestamp", "webhookEvent", "issueLink"} for body in bodies.values()
    )
    link = bodies["issuelink_created"]["issueLink"]
    assert (link["sourceIssueId"], link["destinationIssueId"]) == (10050, 10042)


@pytest.mark.parametrize("start", [cloud, data_center])
def test_each_product_replaces_its_own_variables_and_sends_the_others_as_they_stand(
    receiver: Receiver, start: Any
) -> None:
    with start() as jira:
        url = f"{receiver.url}?a={{issue.key}}&b=${{issue.key}}"
        jira.post("/_sim/webhooks", json={"url": url})
        _edit(jira, "PI-42", summary="Other")
        path = unquote(_first(receiver).path)

    expected = "a=PI-42&b=$PI-42" if start is cloud else "a={issue.key}&b=PI-42"
    assert path == f"/hook?{expected}"


def test_user_and_password_go_into_a_header_from_the_form_and_from_the_address(
    jira: Client, receiver: Receiver
) -> None:
    jira.delete("/_sim/webhooks")
    jira.post("/_sim/webhooks", json={"url": receiver.url, "user": "jira", "password": "p:w"})
    address = receiver.url.replace("//", "//jira:p%3Aw@")
    jira.post("/_sim/webhooks", json={"url": address, "secret": "s", "capitals": True})
    _edit(jira, "PI-42", summary="Other")
    jira.webhook_summary()

    sent = f"Basic {base64.b64encode(b'jira:p:w').decode()}"
    assert [got.headers["authorization"] for got in receiver.got] == [sent, sent]
    signatures = [got.headers.get("x-hub-signature", "") for got in receiver.got]
    assert sorted(signatures)[1].startswith("SHA256=")
    assert {got.path for got in receiver.got} == {"/hook"}


def test_nothing_is_delivered_after_the_end(receiver: Receiver) -> None:
    receiver.answer = lambda _: 503
    with cloud(webhook_url=receiver.url, retry_scale=0.0005) as jira:
        _edit(jira, "PI-42", summary="Other")
        _first(receiver)
        jira.simulator.stop()
        waiting = [one for one in jira.simulator.state.sender.deliveries() if one.pending]
        got = len(receiver.got)

    assert len(waiting) == 1
    assert len(receiver.got) == got
