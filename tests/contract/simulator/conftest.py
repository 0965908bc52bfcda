"""Fixtures of the simulator's suites: a Cloud to talk to, and a receiver of its webhooks."""

from collections.abc import Iterator

import pytest

from tests.support.jira.simulator import Client, Receiver, cloud


@pytest.fixture(scope="module")
def running() -> Iterator[Client]:
    """One Cloud for all tests of a module."""
    with cloud() as client:
        yield client


@pytest.fixture
def jira(running: Client) -> Client:
    """The Cloud as if it had just been started."""
    return running.reset()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP server that accepts every webhook."""
    with Receiver() as receiver:
        yield receiver
