"""Field names and webhooks: the mapping is read from our table, and nothing waits for Jira."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.broker.task_names import Queue
from shared.database.engine import begin
from shared.models import Job
from shared.settings import Settings
from tests.factories import create_job, draft
from tests.support.hooks import Inbox
from tests.support.jira import SimulatedJira
from worker.runtime import Runtime, make_runtime
from worker.webhooks.deliver import deliver
from worker.webhooks.field_map import known_mapping, map_fields


@pytest.fixture
def runtime(settings: Settings, jira: SimulatedJira) -> Iterator[Runtime]:
    """A worker whose fields are configured by name."""
    changes = {
        "jira_base_url": jira.url,
        "jira_field_part_number": "Part Number / Rev",
        "jira_field_quantity": "Quantity",
    }
    runtime = make_runtime(settings.model_copy(update=changes))
    yield runtime
    runtime.close()


def due_again(engine: Engine) -> None:
    """Make the deliveries due again."""
    with begin(engine) as session:
        session.execute(text("UPDATE webhook_deliveries SET due_at = now()"))


def test_a_delivery_waits_uncounted_until_the_names_are_resolved_and_loses_nothing(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    with begin(engine) as session:
        job, _ = create_job(session, draft(jira_ticket_key="PI-42"))
    inbox = Inbox(engine)
    delivery_id = inbox.put()
    jira.fault("503")
    for _ in range(7):
        deliver(runtime)
        due_again(engine)
    row = inbox.row(delivery_id)
    assert (row.outcome, row.tries) == (None, 0)
    assert "JIRA_FIELD_" in (row.reason or "")
    assert runtime.redis.llen(f"routecard:{Queue.JIRA}") > 0
    map_fields(runtime)
    assert known_mapping(runtime) is None
    jira.heal()
    with begin(engine) as session:
        session.execute(text("UPDATE jira_pauses SET until = now()"))
    map_fields(runtime)
    jira.fault("503")
    deliver(runtime)
    assert inbox.row(delivery_id).outcome == "filled"
    with begin(engine) as session:
        assert session.get_one(Job, job.id).jira_part_number == "ALU-HOUSING-7075"


def test_ids_in_the_settings_need_no_resolution(engine: Engine, settings: Settings) -> None:
    del engine
    runtime = make_runtime(settings)
    mapping = known_mapping(runtime)
    runtime.close()
    assert mapping is not None
    assert mapping.part_number == "customfield_10908"


def test_a_resolution_is_for_these_names_alone(engine: Engine, runtime: Runtime) -> None:
    del engine
    map_fields(runtime)
    assert known_mapping(runtime) is not None
    renamed = runtime.settings.model_copy(update={"jira_field_quantity": "Other"})
    other = make_runtime(renamed)
    found = known_mapping(other)
    other.close()
    assert found is None
