"""Fixtures of integration tests: a Jira, a worker's runtime, and the dashboard's pages."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from shared.settings import Settings
from tests.dsl import configured, worker
from tests.support.jira.hooks import Inbox
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from worker.runtime import Runtime


@pytest.fixture
def jira() -> Iterator[SimulatedJira]:
    """A simulator on a free port, with its controls."""
    with simulated_jira() as jira:
        yield jira


@pytest.fixture
def runtime(settings: Settings, jira: SimulatedJira) -> Iterator[Runtime]:
    """A worker's runtime on the test's database, broker and Jira."""
    with worker(configured(settings, jira_base_url=jira.url)) as runtime:
        yield runtime


@pytest.fixture
def pages(app: Flask) -> FlaskClient:
    """A client that asks for its pages, as a browser does."""
    return app.test_client()


@pytest.fixture
def inbox(engine: Engine) -> Inbox:
    """The webhook deliveries of the test's database."""
    return Inbox(engine)
