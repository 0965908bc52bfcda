"""A real browser: Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1400, "height": 900}


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, started and ended. Raises where none is installed: such a test never skips."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("No Chromium here. On Debian: apt install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield opened
        opened.close()


@contextmanager
def tab(
    browser: Browser, url: str, *, forgiving: bool = False, **options: Any
) -> Iterator[BrowserContext]:
    """A profile of its own whose addresses are relative to ``url``.

    Whatever a page logs as an error, a violation of its own policy among it, fails the test;
    where it is ``forgiving``, requests that fail do not.
    """
    options.setdefault("viewport", DESK)
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(10_000)
    complaints: list[str] = []
    context.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    context.on("weberror", lambda e: complaints.append(str(e.error)))
    yield context
    context.close()
    if forgiving:
        complaints = [c for c in complaints if not c.startswith("Failed to load resource")]
    assert complaints == []
