"""The main use, end to end: create a job, and read it filled."""

import json
import re
import shlex
import subprocess
import time
from typing import Any

import requests

from tests.support.servers.stack import Stack
from tests.support.waiting import eventually

PI_42 = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42"}


def filled(running: Stack, job_id: str) -> dict[str, Any]:
    """The job when its Jira fields are filled."""

    def check() -> dict[str, Any] | None:
        job: dict[str, Any] = running.get(f"/api/jobs/{job_id}")
        return job if job["jiraSync"]["status"] == "filled" else None

    return eventually(check, within=10) or {}


def test_a_job_that_names_a_ticket_is_read_back_filled_within_seconds(running: Stack) -> None:
    answer = running.post("/api/jobs", PI_42)
    assert answer.status_code == 201
    assert answer.json()["jiraSync"]["status"] == "pending"

    job = filled(running, answer.json()["id"])
    assert job["jiraPartNumber"] == "ALU-HOUSING-7075"
    assert job["jiraPriority"] == "High"
    assert job["jiraEpicLink"] == "PI-10"
    assert job["jiraLabels"] == ["Q1-2024", "rush"]
    assert job["jiraTicketSummary"]
    assert job["goalQuantity"] == 5


def test_a_ticket_that_does_not_exist_fails_with_a_reason(running: Stack) -> None:
    answer = running.post("/api/jobs", {**PI_42, "jiraTicketKey": "PI-999999"})
    job_id = answer.json()["id"]

    def failed() -> Any:
        sync = running.get(f"/api/jobs/{job_id}")["jiraSync"]
        return sync if sync["status"] == "failed" else None

    assert eventually(failed, within=10)["error"]["code"] == "ticket_not_found"


def test_the_two_curl_lines_of_the_welcome_do_what_they_say(running: Stack) -> None:
    create, read = re.findall(r"^  (curl .*)$", running.output, re.MULTILINE)

    made = json.loads(_curl(create))
    assert made["jiraTicketKey"] == "PI-42"
    assert [job["id"] for job in json.loads(_curl(read))] == [made["id"]]
    filled(running, made["id"])


def _curl(line: str) -> str:
    command = [*shlex.split(line), "--silent", "--show-error", "--max-time", "10"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  as printed
    return result.stdout


def test_a_thousand_jobs_cost_a_few_bulk_reads(running: Stack) -> None:
    before = _bulk_reads(running)
    begun = time.monotonic()
    with requests.Session() as session:
        for number in range(1000):
            body = {**PI_42, "name": f"BURST-{number}", "jiraTicketKey": f"PI-{number % 300 + 20}"}
            answer = session.post(f"{running.url}/api/jobs", json=body, timeout=10)
            assert answer.status_code == 201
    seconds = time.monotonic() - begun

    def none_is_pending() -> bool:
        jobs = running.get("/api/jobs?q=BURST-&limit=1000")
        assert len(jobs) == 1000
        return all(job["jiraSync"]["status"] in {"filled", "failed"} for job in jobs)

    eventually(none_is_pending, within=30, every=0.5)
    assert _bulk_reads(running) - before <= 12 + 4 * (seconds + 1)


def _bulk_reads(running: Stack) -> int:
    counts = requests.get(f"{running.jira_url}/_sim/counts", timeout=10).json()["requests"]
    return sum(number for endpoint, number in counts.items() if "bulkfetch" in endpoint)


def test_a_change_in_jira_arrives_as_a_signed_delivery(running: Stack) -> None:
    change = {"summary": "Build 60 aluminum housings"}
    ticket = f"{running.jira_url}/_sim/tickets/PI-43"
    assert requests.patch(ticket, json=change, timeout=10).status_code == 200

    def delivered() -> Any:
        deliveries = running.get("/api/webhooks/deliveries?ticketKey=PI-43")
        return [entry for entry in deliveries if entry.get("outcome")]

    assert eventually(delivered, within=15)[0]["signed"] is True
