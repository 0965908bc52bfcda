"""One running stack for the tests that do not break it; one test process runs them all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.stack import Stack, stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a stack to one process: several at once would only wait for each other's CPU."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("stack"))
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def running() -> Iterator[Stack]:
    """A running stack; after each test all its parts run.

    The host's proxy is away: it does not serve addresses of this machine, and is not asked.
    """
    away = "http://127.0.0.1:9"
    with stack(HTTP_PROXY=away, http_proxy=away, no_proxy="other.example") as made:
        made.start_and_wait()
        yield made
        assert made.stop() == 0


@pytest.fixture
def new_stack() -> Iterator[Stack]:
    """A stack of the test's own, not started."""
    with stack() as made:
        yield made
