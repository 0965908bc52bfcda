"""An operator on a running system: "my ticket did not arrive"."""

from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.support.browser import tab
from tests.support.servers.stack import Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.browser

TICKET = "PI-77"
ARRIVES = 20_000


def _access(running: Stack, verb: str) -> None:
    answer = requests.post(f"{running.jira_url}/_sim/tickets/{TICKET}/{verb}", timeout=10)
    assert answer.status_code == 204, answer.text


@pytest.fixture
def failed_job(running: Stack) -> dict[str, Any]:
    """A failed job whose ticket our account could not see at first; now it can."""
    _access(running, "hide")
    job = {"name": "WO-77 on call", "goalQuantity": 3, "jiraTicketKey": TICKET}
    made: dict[str, Any] = running.post("/api/jobs", job).json()
    address = f"/api/jobs/{made['id']}"
    eventually(lambda: running.get(address)["jiraSync"]["status"] == "failed", within=20)
    _access(running, "unhide")
    return made


def test_who_is_on_call_finds_the_job_reads_why_retries_it_and_sees_it_filled(
    chromium: Browser, running: Stack, failed_job: dict[str, Any]
) -> None:
    with tab(chromium, running.url) as context:
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_role("heading", name="Ticket not found")).to_be_visible()
        page.get_by_role("link", name="Tasks", exact=True).click()
        page.keyboard.press("/")
        page.keyboard.type(TICKET)
        page.keyboard.press("Enter")
        page.get_by_role("link", name=failed_job["name"]).first.click()
        state = page.get_by_role("region", name="State")
        expect(state).to_contain_text(f"Jira has no ticket {TICKET}")
        page.get_by_role("button", name="Retry").click()
        page.get_by_label("Reason").fill("the account may see the project now")
        page.get_by_role("button", name="Retry 1 task").click()
        page.evaluate("window.notReloaded = true")
        expect(state).to_contain_text("Filled", timeout=ARRIVES)
        assert page.evaluate("window.notReloaded")
        expect(page.get_by_role("region", name="Attempts")).to_contain_text("Failed")
    job = running.get(f"/api/jobs/{failed_job['id']}")
    assert job["jiraSync"]["status"] == "filled"
    assert job["jiraTicketSummary"]
