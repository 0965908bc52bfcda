"""Jobs, deliveries, Jira and audit in a real browser: create, replay, refresh without reloading."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, text

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.accounts.credentials import Actor
from shared.database.engine import begin
from shared.health import examinations
from shared.production import paths as path_store
from shared.production.paths import PathDraft
from shared.production.steps import StepDraft
from shared.settings import Settings
from shared.states import ActorKind, RejectionReason, Source
from shared.webhooks import health as webhook_health
from tests.dsl import ingest, receive_ticket, ticket
from tests.support.browser import PHONE, tab
from tests.support.data import seed
from tests.support.jira.hooks import Inbox
from tests.support.servers.serving import served

pytestmark = pytest.mark.browser

FRESH = 12_000
"""Milliseconds in which a change shows on a busy machine; the script looks every two seconds."""


@pytest.fixture
def addresses(engine: Engine) -> list[str]:
    """Records for every page, and the addresses of the pages."""
    seed.shop(engine, jobs=60)
    delivery = Inbox(engine).put()
    with begin(engine) as session:
        job = session.scalar(text("SELECT max(id) FROM jobs WHERE jira_filled_at IS NOT NULL"))
        steps = (StepDraft(name="Saw", location="Hall 2"), StepDraft(name="Mill", optional=True))
        made = PathDraft(name=seed.LONG_NAME[:200], goal_quantity=10, steps=steps)
        path_store.create(session, job_id=str(job), draft=made)
        ingest(session, [("PI-42", ticket())], source=Source.POLL, worker="w")
        webhook_health.count_rejections(session, {RejectionReason.WRONG_SIGNATURE: 3})
        context = AuditContext(actor=Actor(ActorKind.OPERATOR, "ada"), reason=seed.HOSTILE_NAME)
        audit.write(session, AuditAction.RETRY, context, subject="sync_1", counts={"changed": 1})
        examinations.request(session, ticket_key="PI-42", by="ada")
        examination = examinations.claim(session)
        assert examination is not None
        finding = {"name": "poll", "status": "fail", "message": "Late.", "remedy": "Run `beat`."}
        well = {"name": "jira", "status": "ok", "message": "A Jira answers."}
        examinations.finish(session, examination, findings=[finding, well], preview=None)
    return [
        "/jobs",
        "/jobs?q=nothing-matches",
        f"/jobs/{job}",
        "/jobs/new",
        "/jobs/new?find=housings&ticket=PI-42",
        "/deliveries",
        "/deliveries?outcome=failed",
        f"/deliveries/{delivery}",
        "/deliveries/replay?scope=matching",
        "/jira",
        "/audit",
    ]


@pytest.fixture
def url(settings: Settings, engine: Engine) -> Iterator[str]:
    """The pages, served."""
    with served(settings, engine) as address:
        yield address


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(
    chromium: Browser, url: str, engine: Engine, addresses: list[str], colours: str
) -> None:
    with begin(engine) as session:
        seed.pause(session, "captcha_lock", "Jira has locked the account behind a CAPTCHA.")
    axe = Axe()
    with tab(chromium, url, color_scheme=colours) as context:
        page = context.new_page()
        for address in addresses:
            page.goto(address)
            found = axe.run(page)
            assert found.violations_count == 0, address + "\n" + found.generate_report()


def test_pages_fit_a_phone(chromium: Browser, url: str, addresses: list[str]) -> None:
    with tab(chromium, url, viewport=PHONE) as context:
        page = context.new_page()
        for address in addresses:
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], address


def test_a_job_is_made_from_a_ticket_and_seen_to_be_filled(
    chromium: Browser, url: str, engine: Engine, addresses: list[str]
) -> None:
    assert addresses
    with tab(chromium, url, forgiving=True) as context:
        page = context.new_page()
        page.goto("/jobs")
        page.get_by_role("link", name="New job").click()
        page.get_by_role("searchbox", name="Find a ticket").fill("aluminum")
        page.get_by_role("button", name="Find").click()
        page.get_by_role("link", name="Choose PI-42").click()
        expect(page.get_by_label("Name")).to_have_value("Build 50 aluminum housings")
        page.get_by_label("Goal quantity").fill("none")
        page.get_by_role("button", name="Create job").click()
        expect(page.get_by_role("alert")).to_have_text("goalQuantity must be a number")
        page.get_by_label("Goal quantity").fill("12")
        page.get_by_role("button", name="Create job").click()
        expect(page.get_by_role("status").first).to_contain_text("PI-42 is being read")
        row = page.locator("tr", has=page.get_by_role("rowheader", name="Part number"))
        expect(row).to_contain_text("Waits for the ticket")
        page.evaluate("window.notReloaded = true")
        receive_ticket(engine, source=Source.POLL)
        expect(row).to_contain_text("ALU-HOUSING-7075", timeout=FRESH)
        assert page.evaluate("window.notReloaded")


def test_deliveries_are_replayed_by_keyboard_and_without_script(
    chromium: Browser, url: str, engine: Engine
) -> None:
    inbox = Inbox(engine)
    made = [inbox.put() for _ in range(3)]
    _ended(engine)
    with tab(chromium, url) as context:
        page = context.new_page()
        page.goto("/deliveries")
        page.keyboard.press("j")
        page.keyboard.press("r")
        expect(page.get_by_text("Apply 1 delivery once more?")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 delivery waiting to be applied once more.")).to_be_visible()
    with tab(chromium, url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"/deliveries/{made[0]}")
        page.get_by_role("button", name="Replay").click()
        expect(page.get_by_text("Waiting to be applied once more.")).to_be_visible()
        page.goto("/deliveries")
        page.get_by_role("button", name="Replay all that match").click()
        page.get_by_label("Reason").fill("secret was wrong")
        page.get_by_role("button", name="Replay 1 delivery").click()
        page.goto("/audit")
        expect(page.get_by_text("secret was wrong")).to_be_visible()
    assert {inbox.row(one).outcome for one in made} == {None}


def _ended(engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(
            text("UPDATE webhook_deliveries SET outcome = 'failed', applied_at = now()")
        )
