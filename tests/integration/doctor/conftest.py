"""A system without a fault, for the doctor to examine."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.dsl import configured, worker
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.serving import served
from worker.polling.poll import poll


@pytest.fixture
def well(settings: Settings, jira: SimulatedJira, engine: Engine) -> Iterator[Settings]:
    """A system without a fault: an API that answers, a finished poll, and fresh heartbeats."""
    with served(settings, engine) as address:
        made = configured(
            settings,
            jira_base_url=jira.url,
            jira_project=("PI",),
            jira_webhook_secret="the secret of the shop",
            jira_requests_per_minute=60_000,
            port=urlsplit(address).port,
        )
        with worker(made) as runtime:
            poll(runtime)
        with begin(engine) as session:
            session.execute(text("INSERT INTO heartbeats (name) VALUES ('worker'), ('beat')"))
        yield made
