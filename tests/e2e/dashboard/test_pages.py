"""The pages in a real browser: refresh in place, keyboard, without script."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.dsl import PASSWORD, operator
from tests.support.browser import PHONE, tab
from tests.support.data import seed
from tests.support.servers.serving import served

pytestmark = pytest.mark.browser

FRESH = 12_000
"""Milliseconds in which a change shows on a busy machine; the script looks every two seconds."""


@pytest.fixture
def tasks(engine: Engine) -> list[str]:
    return seed.shop(engine, jobs=150)


@pytest.fixture
def url(settings: Settings, engine: Engine, tasks: list[str]) -> Iterator[str]:
    assert tasks
    with served(settings, engine) as address:
        yield address


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    with tab(chromium, url) as context:
        yield context.new_page()


def _fill(engine: Engine, task_id: str) -> None:
    with begin(engine) as session:
        session.execute(
            text("""
            UPDATE sync_tasks SET status = 'filled', filled_at = now(), updated_at = now(),
                source = 'api', error_code = NULL, error_message = NULL WHERE id = :id
        """),
            {"id": task_id},
        )


def _row(page: Page, task_id: str) -> Any:
    return page.locator(f'[data-key="{task_id}"]')


def test_a_list_changes_under_the_reader_who_keeps_selection_focus_and_place(
    page: Page, engine: Engine
) -> None:
    page.set_viewport_size({"width": 1400, "height": 420})
    page.goto("/tasks?status=failed&sort=createdAt")
    page.evaluate("window.notReloaded = true")
    shown = page.locator("[data-row]")
    ids = [row.get_attribute("data-key") or "" for row in shown.all()]
    gone, ticked, focused = ids[1], ids[3], ids[8]
    _row(page, ticked).get_by_role("checkbox").check()
    _row(page, focused).get_by_role("link").focus()
    top = page.evaluate("window.scrollY")
    place = _row(page, focused).bounding_box()

    _fill(engine, gone)

    expect(_row(page, gone)).to_have_count(0, timeout=FRESH)
    expect(shown).to_have_count(len(ids) - 1)
    expect(_row(page, ticked).get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(_row(page, focused).get_by_role("link")).to_be_focused()
    assert top > 0
    assert place
    assert abs(page.evaluate("window.scrollY") - top) <= place["height"] + 2
    assert page.evaluate("window.notReloaded")


def test_a_tasks_page_shows_its_fill_without_a_reload(
    page: Page, engine: Engine, tasks: list[str]
) -> None:
    page.goto(f"/tasks/{tasks[-1]}")
    state = page.get_by_role("region", name="State")
    expect(state).to_contain_text("Failed")
    _fill(engine, tasks[-1])
    expect(state).to_contain_text("Filled", timeout=FRESH)
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_everything_can_be_done_from_the_keyboard(page: Page, engine: Engine) -> None:
    page.goto("/tasks?status=failed")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("PI-14")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tasks?*q=PI-14*")
    rows = page.locator("[data-row]")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_text("Retry 2 tasks?")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 tasks retried.")).to_be_visible()
    with begin(engine) as session:
        (event,) = session.execute(text("SELECT * FROM audit_events"))
    assert event.counts["changed"] == 2


def test_a_page_that_is_hidden_typed_in_or_paused_asks_for_nothing(page: Page) -> None:
    page.clock.install()
    page.goto("/tasks?status=failed")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.clock.run_for(3000)
    assert requested
    for still, again in (
        ("Object.defineProperty(document, 'hidden', {value: true, configurable: true})",
         "Object.defineProperty(document, 'hidden', {value: false, configurable: true})"),
        ("document.getSelection().selectAllChildren(document.querySelector('.fill'))",
         "document.getSelection().removeAllRanges()"),
        ("document.querySelector('[data-live-switch]').click()",
         "document.querySelector('[data-live-switch]').click()"),
    ):  # fmt: skip
        page.evaluate(still)
        page.clock.run_for(2500)  # what was under way ends
        requested.clear()
        page.clock.run_for(9000)
        assert requested == []
        page.evaluate(again)
        with page.expect_request("**/tasks?status=failed"):
            page.clock.run_for(60_000)  # an answer that seems slow puts the next poll off


def test_the_page_says_when_it_is_cut_off_and_goes_on_by_itself(
    chromium: Browser, url: str
) -> None:
    with tab(chromium, url, forgiving=True) as context:
        page = context.new_page()
        page.goto("/")
        page.route("**/*", lambda route: route.abort())
        expect(page.get_by_text("No answer since")).to_be_visible(timeout=FRESH)
        page.unroute_all()
        expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=FRESH)


def test_an_operator_logs_in_and_sees_when_the_session_has_ended(
    chromium: Browser, settings: Settings, engine: Engine
) -> None:
    operator(engine)
    with served(settings, engine) as address, tab(chromium, address, forgiving=True) as context:
        page = context.new_page()
        page.goto("/tasks?status=failed")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("a wrong one")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/tasks?status=failed")
        context.clear_cookies()
        expect(page.get_by_text("Signed out: reload")).to_be_visible(timeout=FRESH)


def test_without_script_some_and_all_that_match_are_retried(
    chromium: Browser, url: str, engine: Engine
) -> None:
    with tab(chromium, url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_role("link", name=re.compile("^Failed")).click()
        boxes = page.locator("[data-row]").get_by_role("checkbox")
        boxes.nth(0).check()
        boxes.nth(2).check()
        page.get_by_role("button", name="Retry selected").click()
        page.get_by_label("Reason").fill("keys are right now")
        page.get_by_role("button", name="Retry 2 tasks").click()
        expect(page.get_by_text("2 tasks retried.")).to_be_visible()
        page.goto("/tasks?status=failed")
        page.get_by_label("Cause").select_option("Ticket not found")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("button", name="Retry all that match").click()
        page.get_by_role("button", name=re.compile(r"^Retry \d+ tasks?$")).click()
        expect(page.get_by_text(re.compile(r"\d+ tasks? retried\."))).to_be_visible()
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    with begin(engine) as session:
        left = session.scalar(
            text("SELECT count(*) FROM sync_tasks WHERE error_code = 'ticket_not_found'")
        )
    assert left == 0


def _addresses(tasks: list[str]) -> list[str]:
    return [
        "/",
        "/tasks",
        "/tasks?status=failed",
        "/tasks?q=nothing-matches",
        f"/tasks/{tasks[-1]}",
        f"/tasks/{tasks[-2]}",
        "/tasks/retry?scope=matching&status=failed",
        "/nowhere",
    ]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(
    chromium: Browser, url: str, engine: Engine, tasks: list[str], colours: str
) -> None:
    with begin(engine) as session:
        seed.pause(session, "credentials_refused", "Jira refuses our credentials.")
    axe = Axe()
    with tab(chromium, url, forgiving=True, color_scheme=colours) as context:
        page = context.new_page()
        for address in _addresses(tasks):
            page.goto(address)
            found = axe.run(page)
            assert found.violations_count == 0, address + "\n" + found.generate_report()
        operator(engine)
    with tab(chromium, url, color_scheme=colours) as context:
        page = context.new_page()
        page.goto("/login")
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="ada").click()
        expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_pages_fit_a_phone(chromium: Browser, url: str, tasks: list[str]) -> None:
    with tab(chromium, url, forgiving=True, viewport=PHONE) as context:
        page = context.new_page()
        for address in _addresses(tasks):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], address
