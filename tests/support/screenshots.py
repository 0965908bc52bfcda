"""Pictures of every page in light and dark, on a phone and on a desk, of a shop with history.

python -m tests.support.screenshots FOLDER [NAME ...]
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, text

from api.dashboard.kit.layout import NAVIGATION
from shared.database.engine import begin, make_engine
from shared.logs import setup_logs
from shared.settings import Settings
from tests.dsl import PASSWORD, SESSION_KEY, operator
from tests.support.browser import DESK, PHONE, browser, tab
from tests.support.data import seed, seed_records
from tests.support.servers import postgres, redis
from tests.support.servers.serving import served

_SIZES = {"desk": DESK, "phone": PHONE}
_ONE = {
    "task": ("/tasks/", "SELECT max(id) FROM sync_tasks WHERE error_code = 'unusable_ticket'"),
    "job": ("/jobs/", "SELECT max(id) FROM jobs WHERE jira_filled_at IS NOT NULL"),
    "route": ("/jobs/", "SELECT max(job_id) FROM paths"),
    "delivery": ("/deliveries/", "SELECT max(id) FROM webhook_deliveries WHERE tries > 0"),
}


@contextmanager
def _shop() -> Iterator[tuple[Engine, Settings]]:
    with (
        tempfile.TemporaryDirectory() as home,
        postgres.server() as uri,
        redis.server() as broker,
        postgres.database(uri) as dsn,
    ):
        settings = Settings(
            DATABASE_URL=dsn.replace("+psycopg", ""),
            REDIS_URL=broker,
            ROUTECARD_PORT=80,  # of the application's own test client
            ROUTECARD_HOME=home,
            ROUTECARD_SECRET_KEY=SESSION_KEY,
            JIRA_BASE_URL="https://jira.example.com",
            JIRA_EMAIL="routecard@example.com",
            JIRA_API_TOKEN="none",
            JIRA_PROJECT="PI",
            JIRA_FIELD_PART_NUMBER="customfield_10908",
            JIRA_FIELD_QUANTITY="customfield_10909",
            JIRA_WEBHOOK_SECRET="nobody signs these",
        )
        engine = make_engine(dsn)
        seed.shop(engine)
        seed_records.records(engine, settings)
        operator(engine)
        yield engine, settings
        engine.dispose()


def _addresses(engine: Engine) -> dict[str, str]:
    found = {entry.name.lower(): entry.address for entry in NAVIGATION}
    with begin(engine) as session:
        for name, (prefix, query) in _ONE.items():
            if identifier := session.scalar(text(query)):
                found[name] = prefix + identifier
    return {
        **found,
        "failed": "/tasks?status=failed",
        "nothing": "/tasks?q=nothing-matches",
        "confirm": "/tasks/retry?scope=matching&status=failed",
        "new-job": "/jobs/new",
        "account": "/account",
        "error": "/nowhere",
    }


def _log_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


def _take(chromium: Browser, url: str, addresses: dict[str, str], *, folder: Path) -> None:
    for colours in ("light", "dark"):
        for size, viewport in _SIZES.items():
            options = {"color_scheme": colours, "viewport": viewport, "forgiving": True}
            with tab(chromium, url, **options) as context:
                page = context.new_page()
                page.goto("/login")
                page.screenshot(path=folder / f"login-{colours}-{size}.png")
                _log_in(page)
                for name, address in addresses.items():
                    page.goto(address)
                    page.screenshot(path=folder / f"{name}-{colours}-{size}.png", full_page=True)


def main(folder: Path, names: set[str]) -> None:
    """Write ``NAME-COLOURS-SIZE.png`` into the folder, of all pages or of the named ones."""
    setup_logs(level="ERROR")
    folder.mkdir(parents=True, exist_ok=True)
    with _shop() as (engine, settings), served(settings, engine) as url, browser() as chromium:
        addresses = _addresses(engine)
        chosen = {n: a for n, a in addresses.items() if not names or n in names}
        _take(chromium, url, chosen, folder=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
