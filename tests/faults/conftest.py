"""Fixtures of fault trials: a broker that can be stopped, real workers, a Jira that can fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jira.simulated import SimulatedJira, simulated_jira
from tests.support.servers.processes import Parts, parts, with_open_mode
from tests.support.servers.redis import Broker
from worker.simulator import defaults


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run one trial at a time: each needs the machine for its own processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("faults"))


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker for this test only."""
    broker = Broker()
    yield broker
    broker.stop()


@pytest.fixture
def jira() -> Iterator[SimulatedJira]:
    """A simulator with a thousand tickets."""
    with simulated_jira(tickets=1000) as jira:
        yield jira


@pytest.fixture
def environment(dsn: str, broker: Broker, jira: SimulatedJira, tmp_path: Path) -> dict[str, str]:
    """The processes' settings; leases are short, so that tests see them expire."""
    settings = {
        "ROUTECARD_HOME": str(tmp_path),
        "DATABASE_URL": dsn.replace("+psycopg", ""),
        "REDIS_URL": broker.url,
        "JIRA_BASE_URL": jira.url,
        "JIRA_EMAIL": defaults.EMAIL,
        "JIRA_API_TOKEN": defaults.API_TOKEN,
        "JIRA_FIELD_PART_NUMBER": "customfield_10908",
        "JIRA_FIELD_QUANTITY": "customfield_10909",
        "JIRA_FIELD_EPIC_LINK": "customfield_10014",
        "JIRA_TIMEOUT_SECONDS": "1",
        "JIRA_REQUESTS_PER_MINUTE": "6000",
        "ROUTECARD_LEASE_SECONDS": "8",
    }
    return with_open_mode(settings)


@pytest.fixture
def routecard(environment: dict[str, str], tmp_path: Path) -> Iterator[Parts]:
    """The parts of Routecard, none running yet."""
    with parts(environment, tmp_path) as running:
        yield running
