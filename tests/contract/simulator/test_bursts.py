"""Bursts of webhooks: duplicates, late deliveries and twenty at once (JIRA.md section 6)."""

import time
from collections import Counter
from collections.abc import Iterator

import orjson
import pytest

from tests.support.jira.simulator import Client, Received, Receiver, cloud

IDENTIFIER = "x-atlassian-webhook-identifier"


@pytest.fixture
def jira(receiver: Receiver) -> Iterator[Client]:
    """A Cloud that sends webhooks to the receiver, and retries after tens of milliseconds."""
    with cloud(webhook_url=receiver.url, retry_scale=0.0001) as client:
        yield client


def test_a_burst_repeats_and_reorders_as_many_as_requested(
    jira: Client, receiver: Receiver
) -> None:
    wanted = {"deliveries": 500, "project": "PI", "duplicates": 0.2, "reorder": 0.2}
    made = jira.post("/_sim/webhooks/burst", json=wanted)
    summary = jira.webhook_summary()

    assert made.json()["events"] == 400
    assert summary["delivered"] == 400
    assert summary["reordered"] == 100
    assert len(receiver.got) == 500
    seen = Counter(got.headers[IDENTIFIER] for got in receiver.got)
    assert Counter(seen.values()) == {1: 300, 2: 100}
    assert _steps_back(receiver.got) >= 20


def _steps_back(got: list[Received]) -> int:
    """How often an older state of a ticket arrived after a newer one."""
    newest: dict[str, str] = {}
    back = 0
    for one in got:
        issue = orjson.loads(one.body)["issue"]
        updated = issue["fields"]["updated"]
        back += updated < newest.get(issue["id"], "")
        newest[issue["id"]] = max(updated, newest.get(issue["id"], ""))
    return back


def test_a_burst_without_edits_changes_no_ticket(jira: Client, receiver: Receiver) -> None:
    before = jira.issue("PI-42")
    wanted = {"deliveries": 5, "keys": ["PI-42"], "edit": False, "flow": "Secondary"}
    jira.post("/_sim/webhooks/burst", json=wanted)
    jira.webhook_summary()

    assert jira.issue("PI-42") == before
    assert {got.headers["x-atlassian-webhook-flow"] for got in receiver.got} == {"Secondary"}


def test_twenty_deliveries_run_at_once_and_no_more(jira: Client, receiver: Receiver) -> None:
    def slow(_: int) -> int:
        time.sleep(0.02)  # a receiver that takes its time is what is being tested
        return 202

    receiver.answer = slow
    jira.post("/_sim/webhooks/burst", json={"deliveries": 200, "project": "PI"})
    jira.webhook_summary()

    assert 8 <= receiver.most_running <= 20
