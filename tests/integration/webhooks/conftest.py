"""Fixtures of tests about webhooks."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.settings import Settings
from tests.dsl import worker
from tests.support.data.delivery_driver import DeliveryDriver


@pytest.fixture
def driver(engine: Engine, settings: Settings) -> Iterator[DeliveryDriver]:
    """Deliveries, and a worker whose Jira does not answer: applying them must not need it."""
    with worker(settings) as runtime:
        yield DeliveryDriver(engine, runtime)
