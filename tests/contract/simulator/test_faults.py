"""Scripted faults: each kind as a client over a real socket sees it."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from shared.clock import SystemClock
from tests.support.jira.simulator import Client, cloud

MYSELF = "/rest/api/2/myself"
BULK = "/rest/api/2/issue/bulkfetch"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 504])
def test_a_status_can_be_ordered(jira: Client, status: int) -> None:
    jira.fault({"fault": str(status)})

    answer = jira.get("/rest/api/2/mypermissions")

    assert answer.status_code == status
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("status", ["429", "503"])
@pytest.mark.parametrize("wait", [3, 1.5, 1847, "soon"])
def test_retry_after_comes_in_any_form(jira: Client, status: str, wait: Any) -> None:
    jira.fault({"fault": status, "retryAfter": wait})

    assert jira.get(MYSELF).headers["Retry-After"] == str(wait)


def test_retry_after_can_be_a_date(jira: Client) -> None:
    jira.fault({"fault": "429", "retryAfter": 60, "retryAfterForm": "date"})

    moment = parsedate_to_datetime(jira.get(MYSELF).headers["Retry-After"])

    assert timedelta(seconds=50) < moment - SystemClock().now() <= timedelta(seconds=60)


def test_a_limit_tells_its_reason_and_reset(jira: Client) -> None:
    rule = {"fault": "429", "reason": "jira-quota-global-based", "resetIn": 90}
    jira.fault(rule | {"headers": {"X-RateLimit-NearLimit": "true"}})

    headers = jira.get(MYSELF).headers

    assert headers["RateLimit-Reason"] == "jira-quota-global-based"
    assert headers["X-RateLimit-NearLimit"] == "true"
    assert datetime.fromisoformat(headers["X-RateLimit-Reset"]).tzinfo == UTC


def test_a_reset_is_a_reset(jira: Client) -> None:
    jira.fault({"fault": "reset"})

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        jira.get(MYSELF)


def test_a_reset_meets_a_kept_connection_too(jira: Client) -> None:
    assert jira.get(MYSELF).status_code == 200
    jira.fault({"fault": "reset", "times": 1})

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        jira.get(MYSELF)
    assert jira.get(MYSELF).status_code == 200


def test_a_hang_outlasts_the_clients_patience(jira: Client) -> None:
    jira.fault({"fault": "hang", "delay": 30})

    with pytest.raises(requests.ReadTimeout):
        jira.get(MYSELF, timeout=(1, 0.2))


def test_a_hang_ends_with_a_closed_connection(jira: Client) -> None:
    jira.fault({"fault": "hang", "delay": 0.1})

    with pytest.raises(requests.ConnectionError, match="without response"):
        jira.get(MYSELF)


def test_a_hang_does_not_hold_up_the_end_of_the_simulator() -> None:
    with cloud() as client:
        client.fault({"fault": "hang", "delay": 60})
        with pytest.raises(requests.ReadTimeout):
            client.get(MYSELF, timeout=(1, 0.1))
        began = time.monotonic()

    assert time.monotonic() - began < 20


def test_a_slow_answer_is_the_usual_one_later(jira: Client) -> None:
    jira.fault({"fault": "slow", "delay": 0.3})

    answer = jira.get(MYSELF)

    assert answer.status_code == 200
    assert answer.elapsed >= timedelta(seconds=0.3)


def test_a_body_can_be_cut_with_its_json(jira: Client) -> None:
    jira.fault({"fault": "truncated"})

    answer = jira.get(MYSELF)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_body_can_end_before_its_length(jira: Client) -> None:
    jira.fault({"fault": "cut"})

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        jira.get(MYSELF)


def test_html_can_come_with_200(jira: Client) -> None:
    jira.fault({"fault": "html"})

    answer = jira.get(MYSELF)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_stale_read_shows_the_state_before_the_last_edit(jira: Client) -> None:
    before = jira.issue("PI-42", "summary")["fields"]["summary"]
    jira.put("/rest/api/2/issue/PI-42", json={"fields": {"summary": "Newer"}})
    jira.fault({"fault": "stale", "match": "* /rest/api/*/issue/*"})

    assert jira.issue("PI-42", "summary")["fields"]["summary"] == before
    assert jira.bulk("PI-42")["issues"][0]["fields"]["summary"] == before


def test_expired_and_captcha_can_come_for_a_while(jira: Client) -> None:
    jira.fault({"fault": "expired", "times": 1}, {"fault": "captcha", "times": 1})

    expired = jira.post(BULK, json={"issueIdsOrKeys": ["PI-1"]})
    locked = jira.get(MYSELF)

    assert (expired.status_code, expired.json()["issues"]) == (200, [])
    assert locked.headers["X-Seraph-LoginReason"] == "AUTHENTICATION_DENIED"
    assert jira.get(MYSELF).status_code == 200


def test_some_tickets_of_a_bulk_read_can_fail_by_id(jira: Client) -> None:
    jira.fault({"fault": "issueErrors", "keys": ["PI-3"]})

    answer = jira.bulk("PI-3", "PI-4")

    assert [issue["key"] for issue in answer["issues"]] == ["PI-4"]
    assert [error["id"] for error in answer["issueErrors"]] == ["10003"]


def test_rules_skip_repeat_and_end(jira: Client) -> None:
    jira.fault({"match": f"GET {MYSELF}", "fault": "500", "skip": 1, "every": 2, "times": 2})

    statuses = [jira.get(MYSELF).status_code for _ in range(8)]

    assert statuses == [200, 200, 500, 200, 500, 200, 200, 200]


def test_a_rule_covers_the_requests_it_names_and_no_others(jira: Client) -> None:
    jira.fault({"match": "POST /rest/api/*/issue/bulkfetch", "fault": "503"})

    assert jira.post(BULK, json={"issueIdsOrKeys": ["PI-1"]}).status_code == 503
    assert jira.post(BULK.replace("/2/", "/3/"), json={}).status_code == 503
    assert jira.get(MYSELF).status_code == 200
    assert jira.get("/_sim/counts").status_code == 200


def test_rules_can_be_read_and_lifted(jira: Client) -> None:
    jira.fault({"fault": "500"})
    jira.get(MYSELF)

    rules = jira.get("/_sim/faults").json()
    jira.delete("/_sim/faults")

    assert [(rule["fault"], rule["fired"]) for rule in rules] == [("500", 1)]
    assert jira.get(MYSELF).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [{"fault": "earthquake"}, {"fault": "500", "tmies": 1}, {"fault": "500", "times": "x"}, 5],
)
def test_a_rule_that_makes_no_sense_is_refused(jira: Client, rule: Any) -> None:
    answer = jira.post("/_sim/faults", json=[rule])

    assert answer.status_code == 400
    assert jira.get("/_sim/faults").json() == []


def test_the_burst_limit_is_for_each_endpoint_and_recovers(jira: Client) -> None:
    jira.set(requestsPerSecond=2)

    answers = [jira.get(MYSELF) for _ in range(8)]
    other = jira.get("/rest/api/2/field")

    limited = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(limited) <= 6
    assert limited[0].headers["RateLimit-Reason"] == "jira-burst-based"
    assert int(limited[0].headers["Retry-After"]) >= 1
    assert other.status_code == 200
    assert other.headers["X-RateLimit-Limit"] == "2"


def test_one_ticket_takes_twenty_writes_in_two_seconds(jira: Client) -> None:
    def write(key: str) -> requests.Response:
        edit = {"fields": {"labels": ["x"]}}
        answer: requests.Response = jira.put(f"/rest/api/2/issue/{key}", json=edit)
        return answer

    answers = [write("PI-1") for _ in range(21)]

    assert [answer.status_code for answer in answers] == [204] * 20 + [429]
    assert answers[-1].headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert write("PI-2").status_code == 204


def test_latency_is_added_to_every_answer(jira: Client) -> None:
    jira.set(latencyMs=100)

    assert jira.get(MYSELF).elapsed >= timedelta(milliseconds=100)


def test_an_outage_refuses_connections_and_keeps_port_and_tickets(jira: Client) -> None:
    jira.put("/rest/api/2/issue/PI-1", json={"fields": {"summary": "Kept"}})
    jira.simulator.stop()
    with pytest.raises(requests.ConnectionError):
        jira.get(MYSELF)

    jira.simulator.start()

    assert jira.issue("PI-1", "summary")["fields"]["summary"] == "Kept"


def test_a_connection_is_kept_for_many_bulk_reads(jira: Client) -> None:
    keys = [f"PI-{n}" for n in range(1, 61)]
    jira.hooks["response"] = []
    before = jira.simulator.connections_accepted

    for _ in range(100):
        jira.bulk(*keys, fields=["summary", "priority", "labels", "parent"])

    assert jira.simulator.connections_accepted - before <= 1
