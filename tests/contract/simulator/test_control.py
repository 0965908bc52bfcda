"""The controls under ``/_sim``, the pages, and the simulator as a program."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.jira.openapi import ROOT
from tests.support.jira.simulator import BASIC, Client, cloud
from worker.simulator import defaults
from worker.simulator.server import SimulatorConfig, make_simulator

PROGRAM = """
from worker.simulator.server import SimulatorConfig, make_simulator
simulator = make_simulator(SimulatorConfig(port=0))
print(simulator.url, flush=True)
simulator.serve_forever()
"""


def test_the_controls_describe_themselves(jira: Client) -> None:
    described = jira.get("/_sim/").json()

    routes = " ".join(described["controls"])
    for path in ("counts", "faults", "settings", "reset", "tickets", "webhooks/burst"):
        assert f"/_sim/{path}" in routes
    assert "hang" in described["faults"]["kinds"]
    assert "retryAfter" in described["faults"]["members"]


def test_requests_are_counted_by_endpoint_and_status(jira: Client) -> None:
    jira.bulk("PI-1", "PI-2")
    jira.bulk("PI-3")
    jira.issue("PI-4")
    jira.get("/rest/api/3/issue/PI-99999")
    jira.get("/browse/PI-4")

    counts = jira.get("/_sim/counts").json()

    assert counts["requests"] == {"POST issue/bulkfetch": 2, "GET issue/{key}": 2}
    assert counts["statuses"]["GET issue/{key}"] == {"200": 1, "404": 1}
    assert counts["total"] == 4
    assert 1 <= counts["maxPerSecond"]["POST issue/bulkfetch"] <= 2
    assert sum(counts["perSecond"].values()) == 4


def test_faults_are_counted_by_kind_and_by_what_they_did(jira: Client) -> None:
    jira.fault({"fault": "reset", "times": 1}, {"fault": "503", "times": 1})
    for _ in range(2):
        try:
            jira.get("/rest/api/2/myself")
        except requests.ConnectionError:
            continue

    counts = jira.get("/_sim/counts").json()

    assert counts["faults"] == {"reset": 1, "503": 1}
    assert counts["statuses"]["GET myself"] == {"reset": 1, "503": 1}


def test_counts_restart_when_deleted(jira: Client) -> None:
    jira.bulk("PI-1")
    jira.delete("/_sim/counts")

    assert jira.get("/_sim/counts").json()["total"] == 0


def test_the_most_requests_at_once_are_known(jira: Client) -> None:
    jira.set(latencyMs=400)
    url = f"{jira.simulator.url}/rest/api/2/myself"
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: requests.get(url, auth=BASIC, timeout=5), range(5)))

    counts = jira.get("/_sim/counts").json()

    assert counts["maxConcurrency"] == 5
    assert counts["running"] == 0


def test_many_tickets_are_made_at_once(jira: Client) -> None:
    made = jira.post("/_sim/tickets", json={"project": "PI", "count": 1000})

    keys = made.json()["keys"]
    assert len(set(keys)) == 1000
    assert jira.issue(keys[-1])["fields"]["summary"].startswith("Build ")


def test_a_ticket_is_made_with_the_fields_given(jira: Client) -> None:
    fields = {"summary": "One", "priority": "Low", "labels": ["a"], "parent": "PI-10"}
    custom = {defaults.FIELD_QUANTITY: 7, "customfield_10911": {"value": "Mill", "child": "X1"}}
    body = {"project": "PI", "fields": fields | custom}

    key = jira.post("/_sim/tickets", json=body).json()["keys"][0]

    shown = jira.issue(key)["fields"]
    assert shown["parent"]["key"] == "PI-10"
    assert shown["priority"]["name"] == "Low"
    assert shown[defaults.FIELD_QUANTITY] == 7.0
    assert shown["customfield_10911"]["child"]["value"] == "X1"


@pytest.mark.parametrize("fields", [{"priority": "Urgent"}, {"labels": "x"}, {"nonsense": 1}])
def test_values_that_cannot_be_are_refused(jira: Client, fields: dict[str, object]) -> None:
    made = jira.post("/_sim/tickets", json={"project": "PI", "fields": fields})
    edited = jira.put("/rest/api/2/issue/PI-1", json={"fields": fields})

    assert made.status_code == 400
    assert edited.status_code == 400
    assert list(edited.json()["errors"]) == list(fields)


def test_a_ticket_is_patched_unset_hidden_shown_and_deleted(jira: Client) -> None:
    jira.patch("/_sim/tickets/PI-5", json={"summary": "Other", "priority": None})
    assert jira.issue("PI-5")["fields"]["summary"] == "Other"
    assert jira.issue("PI-5")["fields"]["priority"] is None

    jira.post("/_sim/tickets/PI-5/hide")
    assert jira.get("/rest/api/2/issue/PI-5").status_code == 404
    jira.post("/_sim/tickets/PI-5/unhide")
    assert jira.issue("PI-5")["key"] == "PI-5"

    jira.delete("/_sim/tickets/PI-5")
    assert jira.get("/_sim/tickets/PI-5").status_code == 404


def test_update_verbs_change_lists(jira: Client) -> None:
    verbs = {"update": {"labels": [{"add": "new"}, {"remove": "rush"}]}}
    jira.put("/rest/api/3/issue/PI-42", json=verbs)

    assert jira.issue("PI-42")["fields"]["labels"] == ["Q1-2024", "new"]


def test_an_edit_moves_updated(jira: Client) -> None:
    before = jira.issue("PI-42")["fields"]
    jira.put("/rest/api/2/issue/PI-42", json={"fields": {"parent": {"key": "PI-50"}}})
    after = jira.issue("PI-42")["fields"]

    assert after["updated"] != before["updated"]
    assert after["created"] == before["created"]
    assert after["parent"]["key"] == "PI-50"


def test_a_reset_brings_back_the_seed(jira: Client) -> None:
    jira.delete("/_sim/tickets/PI-42")
    jira.fault({"fault": "500"})
    jira.set(latencyMs=1)

    tickets = jira.post("/_sim/reset", json={"tickets": 100}).json()["tickets"]

    assert tickets == 125
    assert jira.issue("PI-42")["fields"]["summary"] == "Build 50 aluminum housings"
    assert jira.get("/_sim/settings").json()["latencyMs"] == 0


@pytest.mark.parametrize("settings", [{"latency": 1}, {"expired": "yes"}, {"latencyMs": True}])
def test_a_setting_that_makes_no_sense_is_refused(
    jira: Client, settings: dict[str, object]
) -> None:
    assert jira.patch("/_sim/settings", json=settings).status_code == 400


def test_a_ticket_has_a_page_that_escapes_what_it_shows(jira: Client) -> None:
    page = jira.get("/browse/PI-21")

    assert page.headers["Content-Type"].startswith("text/html")
    assert "PI-21" in page.text
    assert "<script>" not in page.text
    assert jira.get("/browse/PI-23").status_code == 404


def test_links_carry_the_public_address() -> None:
    with cloud(public_url="http://jira.example") as client:
        assert client.issue("PI-42")["self"] == "http://jira.example/rest/api/2/issue/10042"


def test_a_taken_port_is_an_error_at_once(jira: Client) -> None:
    with pytest.raises(OSError, match="in use"):
        make_simulator(SimulatorConfig(port=jira.simulator.port))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_as_a_program_it_ends_cleanly_on_a_signal(ending: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603  our own interpreter and program
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        answered = requests.get(f"{url}/rest/api/2/serverInfo", timeout=5)
        os.kill(program.pid, ending)
        _, errors = program.communicate(timeout=10)

    assert answered.status_code == 200
    assert program.returncode == 0
    assert "Traceback" not in errors
