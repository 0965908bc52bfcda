"""Field names and webhooks: the mapping is read from our table, and nothing waits for Jira."""

import pytest
from sqlalchemy import Engine, select

from shared.broker.task_names import Queue
from shared.database.engine import begin
from shared.models import Job, SyncTask
from shared.settings import Settings
from tests.dsl import configured, end_pause, make_deliveries_due, make_job, worker
from tests.support.jira.hooks import Inbox, issue, payload
from tests.support.jira.simulated import SimulatedJira
from worker.runtime import Runtime
from worker.sync.drain import drain
from worker.webhooks.deliver import deliver
from worker.webhooks.field_map import known_mapping, map_fields


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with fields given by their names."""
    names = {"jira_field_part_number": "Part Number / Rev", "jira_field_quantity": "Quantity"}
    return configured(settings, **names)


def test_a_delivery_waits_uncounted_until_the_names_are_resolved_and_loses_nothing(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    job_id = make_job(engine)
    inbox = Inbox(engine)
    delivery_id = inbox.put()
    jira.fault("503")
    for _ in range(7):
        deliver(runtime)
        make_deliveries_due(engine)
    row = inbox.row(delivery_id)
    assert (row.outcome, row.tries) == (None, 0)
    assert "JIRA_FIELD_" in (row.reason or "")
    assert runtime.redis.llen(f"routecard:{Queue.JIRA}") > 0
    map_fields(runtime)
    assert known_mapping(runtime, runtime.site.known().site_id) is None
    jira.heal()
    end_pause(engine)
    map_fields(runtime)
    jira.fault("503")
    deliver(runtime)
    assert inbox.row(delivery_id).outcome == "filled"
    with begin(engine) as session:
        assert session.get_one(Job, job_id).jira_part_number == "ALU-HOUSING-7075"


def test_ids_in_the_settings_need_no_resolution(engine: Engine, settings: Settings) -> None:
    del engine
    ids = {
        "jira_field_part_number": "customfield_10908",
        "jira_field_quantity": "customfield_10909",
    }
    with worker(configured(settings, **ids)) as runtime:
        mapping = known_mapping(runtime, runtime.site.known().site_id)
    assert mapping is not None
    assert [one.field_id for one in mapping.part_number] == ["customfield_10908"]


def test_a_signed_body_is_read_by_the_stored_kind_of_each_field(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    ids = {"jira_field_part_number": "PI=customfield_10913", "jira_field_quantity": "Ordered"}
    marked = {"customfield_10913": "158041-{*}001{*}-02", "customfield_10928": "_7_"}
    inbox = Inbox(engine)
    with worker(configured(runtime.settings, **ids)) as other:
        map_fields(other)
        jira.fault("503")
        job_id = make_job(engine)
        delivery_id = inbox.put(payload(about=issue(**marked)))
        deliver(other)
    assert inbox.row(delivery_id).outcome == "filled"
    with begin(engine) as session:
        assert session.get_one(Job, job_id).jira_part_number == "158041-001-02"


def test_a_signed_body_whose_text_may_be_markup_is_a_hint_until_the_kind_is_known(
    engine: Engine, runtime: Runtime
) -> None:
    ids = {"jira_field_part_number": "customfield_10913", "jira_field_quantity": ""}
    inbox = Inbox(engine)
    make_job(engine)
    with worker(configured(runtime.settings, **ids)) as other:
        marked = inbox.put(payload(about=issue(customfield_10913="{*}ALU-7075{*}")))
        certain = inbox.put(payload(about=issue("PI-43", customfield_10913="ALU-7075")))
        deliver(other)
        assert "customfield_10913 may hold wiki markup" in (inbox.row(marked).reason or "")
        assert inbox.row(certain).outcome == "unlinked"
        map_fields(other)
        drain(other)
    with begin(engine) as session:
        status = session.scalars(select(SyncTask.status)).one()
    assert status == "filled"


def test_a_resolution_is_for_these_names_alone(engine: Engine, runtime: Runtime) -> None:
    del engine
    map_fields(runtime)
    assert known_mapping(runtime, runtime.site.known().site_id) is not None
    with worker(configured(runtime.settings, jira_field_quantity="Other")) as other:
        assert known_mapping(other, other.site.known().site_id) is None
