"""The pages about deliveries: the inbox, one with its body, replay of one and of all that match."""

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from api.dashboard.deliveries.views import SHOWN_BYTES, pretty
from shared.database.engine import begin
from shared.models import AuditEvent
from shared.states import RejectionReason, Role
from shared.webhooks import health as webhook_health
from tests.dsl import csrf_token, log_in, operator
from tests.support.jira.hooks import Inbox, issue, payload


def shown(page: str) -> list[str]:
    """Ids of the rows of a list."""
    return re.findall(r'data-row data-key="([^"]+)"', page)


def actions(engine: Engine) -> list[AuditEvent]:
    """The audit."""
    with begin(engine) as session:
        return list(session.scalars(select(AuditEvent).order_by(AuditEvent.id)))


def test_an_empty_inbox_says_what_is_missing(pages: FlaskClient) -> None:
    assert "No webhook secret is set" in pages.get("/deliveries").text


def test_the_inbox_is_narrowed_by_outcome_event_proof_key_and_time(
    pages: FlaskClient, inbox: Inbox
) -> None:
    filled = inbox.end(inbox.put(identifier="aa11"), "filled")
    failed = inbox.end(
        inbox.put(signed=False), "failed", ticket_key="SHOP-7", event="comment_created"
    )
    waiting = inbox.put()
    assert shown(pages.get("/deliveries").text) == [waiting, failed, filled]
    expected = {
        "outcome=waiting": [waiting],
        "outcome=failed": [failed],
        "event=comment_created": [failed],
        "signed=false": [failed],
        "q=shop-7": [failed],
        "q=aa11": [filled],
        "ticketKey=PI-42": [filled],
        "within=1h&signed=true": [waiting, filled],
    }
    for query, ids in expected.items():
        assert shown(pages.get(f"/deliveries?{query}").text) == ids, query
    assert "No delivery matches" in pages.get("/deliveries?q=nothing").text
    for query in ("outcome=lost", "signed=maybe", "cursor=x"):
        assert pages.get(f"/deliveries?{query}").status_code == 400


def test_the_inbox_goes_on_page_by_page(pages: FlaskClient, inbox: Inbox) -> None:
    made = [inbox.put() for _ in range(55)]
    first = pages.get("/deliveries?signed=true").text
    address = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = pages.get(address.replace("&amp;", "&")).text
    assert shown(first) + shown(second) == made[::-1]


def test_rejected_webhooks_are_counted_with_the_remedy(pages: FlaskClient, engine: Engine) -> None:
    with begin(engine) as session:
        webhook_health.count_rejections(
            session, {RejectionReason.WRONG_SIGNATURE: 3, RejectionReason.NO_PROOF: 1}
        )
    page = pages.get("/deliveries").text
    assert "4 webhooks rejected" in page
    assert "JIRA_WEBHOOK_SECRET" in page


def test_a_delivery_shows_why_and_its_body_indented_and_escaped(
    pages: FlaskClient, inbox: Inbox
) -> None:
    body = payload(about=issue(summary="<img src=x onerror=alert(1)>"))
    delivery_id = inbox.end(inbox.put(body), reason="Our <b>copy</b> is up to date.")
    page = pages.get(f"/deliveries/{delivery_id}").text
    assert "&#34;webhookEvent&#34;: &#34;jira:issue_updated&#34;,\n" in page
    assert "<img src=x" not in page
    assert "Our &lt;b&gt;copy&lt;/b&gt; is up to date." in page


def test_a_body_beyond_its_days_leaves_the_facts(pages: FlaskClient, inbox: Inbox) -> None:
    delivery_id = inbox.end(inbox.put(), body=None)
    page = pages.get(f"/deliveries/{delivery_id}").text
    assert "Bodies are kept for 14 days" in page
    assert "disabled" in page.split("Replay</button>")[0].rsplit("<button", 1)[1]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe not text",
        b'{"a": "\\ud800"}',
        b"[" * 5000,
        b"9" * 5000,
        b'{"a": "\\u0000"}',
    ],
)
def test_any_body_can_be_looked_at(pages: FlaskClient, inbox: Inbox, raw: bytes) -> None:
    delivery_id = inbox.end(inbox.put(raw))
    answer = pages.get(f"/deliveries/{delivery_id}")
    assert answer.status_code == 200
    assert "\0" not in answer.text


def test_of_a_very_long_body_the_beginning_is_shown() -> None:
    raw = json.dumps({"a": "x" * SHOWN_BYTES}).encode()
    words, whole = pretty(raw)
    assert (len(words), whole) == (SHOWN_BYTES, False)
    assert pretty(b'{"a":[1]}') == ('{\n  "a": [\n    1\n  ]\n}', True)


def test_one_is_replayed_and_the_audit_knows(
    pages: FlaskClient, inbox: Inbox, engine: Engine
) -> None:
    delivery_id = inbox.end(inbox.put(), "failed")
    address = f"/deliveries/{delivery_id}"
    data = {"csrf_token": csrf_token(pages.get(address).text)}
    answer = pages.post(f"{address}/replay", data=data)
    assert (answer.status_code, answer.location) == (303, address)
    assert inbox.row(delivery_id).outcome is None
    page = pages.get(address).text
    assert "1 delivery waiting to be applied once more." in page
    (context,) = actions(engine)
    assert (context.action, context.subject) == ("replay", delivery_id)
    again = pages.post(f"{address}/replay", data=data, follow_redirects=True)
    assert "still waiting to be applied for the first time" in again.text
    assert len(actions(engine)) == 1


def test_all_that_match_are_replayed_after_the_count(
    pages: FlaskClient, inbox: Inbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.actions.bulk.BATCH_SIZE", 2)
    failed = [inbox.end(inbox.put(), "failed") for _ in range(5)]
    gone = inbox.end(inbox.put(), "failed", body=None)
    kept = inbox.end(inbox.put(), "noted")
    question = pages.get("/deliveries/replay?scope=matching&outcome=failed&within=1h").text
    assert "Apply 5 deliveries once more?" in question
    assert "1 delivery is left alone: the body is no longer kept." in question
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', question))
    assert "within" not in hidden
    assert hidden["receivedSince"]
    answer = pages.post("/deliveries/replay", data={**hidden, "reason": "new secret"})
    assert answer.status_code == 303
    assert "5 deliveries waiting to be applied once more." in pages.get(answer.location).text
    assert {inbox.row(one).outcome for one in failed} == {None}
    assert (inbox.row(gone).outcome, inbox.row(kept).outcome) == ("failed", "noted")
    (context,) = actions(engine)
    assert (context.reason, context.counts) == ("new secret", {"replayed": 5})
    assert context.filter is not None
    assert context.filter["outcome"] == "failed"
    assert context.ended_at is not None


def test_those_selected_are_replayed_and_no_others(pages: FlaskClient, inbox: Inbox) -> None:
    first, second, third = (inbox.end(inbox.put()) for _ in range(3))
    question = pages.get(f"/deliveries/replay?scope=selected&id={first}&id={third}").text
    assert "Apply 2 deliveries once more?" in question
    token = csrf_token(question)
    data = {"csrf_token": token, "scope": "selected", "id": [first, third]}
    assert pages.post("/deliveries/replay", data=data).location == "/deliveries"
    outcomes = [inbox.row(one).outcome for one in (first, second, third)]
    assert outcomes == [None, "noted", None]


def test_no_selection_never_means_everything(pages: FlaskClient, inbox: Inbox) -> None:
    delivery_id = inbox.end(inbox.put())
    token = csrf_token(pages.get("/deliveries").text)
    for scope in ("selected", "", "all"):
        data = {"csrf_token": token, "scope": scope}
        assert pages.post("/deliveries/replay", data=data).status_code == 400
        assert pages.get(f"/deliveries/replay?scope={scope}").status_code == 400
    assert inbox.row(delivery_id).outcome == "noted"


def test_a_read_only_operator_looks_and_replays_nothing(
    app: Flask, inbox: Inbox, engine: Engine
) -> None:
    operator(engine, role=Role.READ_ONLY)
    client = app.test_client()
    log_in(client)
    delivery_id = inbox.end(inbox.put())
    page = client.get(f"/deliveries/{delivery_id}").text
    assert "Replay" not in page.split("<main", 1)[1].split("</main", 1)[0]
    data = {"csrf_token": csrf_token(page)}
    assert client.post(f"/deliveries/{delivery_id}/replay", data=data).status_code == 403
    assert inbox.row(delivery_id).outcome == "noted"


def test_the_part_that_refreshes_shows_a_new_delivery(pages: FlaskClient, inbox: Inbox) -> None:
    part = {"Routecard-Part": "live"}
    inbox.put()
    tag = pages.get("/deliveries", headers=part).headers["ETag"]
    assert pages.get("/deliveries", headers={**part, "If-None-Match": tag}).status_code == 304
    made = inbox.put()
    fresh = pages.get("/deliveries", headers={**part, "If-None-Match": tag})
    assert made in fresh.text
    assert "<html" not in fresh.text
