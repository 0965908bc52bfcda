"""Fixtures of integration tests: a simulated Jira and a worker's runtime, in this process."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.settings import Settings
from tests.support.api_client import ApiClient, api_client
from tests.support.jira import SimulatedJira, simulated_jira
from worker.runtime import Runtime, make_runtime


@pytest.fixture
def jira() -> Iterator[SimulatedJira]:
    """A simulator on a free port, with its controls."""
    with simulated_jira() as jira:
        yield jira


@pytest.fixture
def runtime(settings: Settings, jira: SimulatedJira) -> Iterator[Runtime]:
    """A worker's runtime on the test's database, broker and Jira."""
    runtime = make_runtime(settings.model_copy(update={"jira_base_url": jira.url}))
    yield runtime
    runtime.close()


@pytest.fixture
def api(settings: Settings, engine: Engine) -> Iterator[ApiClient]:
    """The API in this process, on the test's database and broker."""
    with api_client(settings, engine) as client:
        yield client
