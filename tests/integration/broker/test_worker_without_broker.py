"""A worker whose broker is away does its work: messages are only a hint."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, text

from shared.database.engine import begin
from shared.models import Delivery, JiraPoll, SyncTask
from shared.settings import Settings
from shared.tickets import field_mappings
from shared.tickets.field_mappings import Resolved
from tests.dsl import configured, create_job, draft, make_job
from tests.support.jira.hooks import Inbox, issue, payload
from worker.dev.valkey import free_port
from worker.doctor.examination import examine
from worker.maintenance.filled_count import count_filled
from worker.maintenance.prune import prune
from worker.polling.deleted_tickets import check_deleted_tickets
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.sync.drain import drain
from worker.sync.sweep import sweep
from worker.webhooks.deliver import deliver
from worker.webhooks.field_map import map_fields

WORK: list[Callable[[Runtime], object]] = [
    check_deleted_tickets,
    deliver,
    drain,
    examine,
    map_fields,
    poll,
    prune,
    sweep,
    count_filled,
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A broker that refuses connections, and field names that Jira has to resolve."""
    return configured(
        settings,
        redis_url=f"redis://127.0.0.1:{free_port()}/0",
        jira_project=("PI",),
        jira_poll_seconds=60,
        jira_field_part_number="Part Number / Rev",
        jira_field_quantity="Quantity",
    )


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_all_work_goes_on_without_the_broker(
    engine: Engine, runtime: Runtime, work: Callable[[Runtime], object]
) -> None:
    inbox = Inbox(engine)
    inbox.put()
    make_job(engine)
    work(runtime)


def test_deliveries_are_applied_while_field_names_cannot_be_resolved(
    engine: Engine, runtime: Runtime
) -> None:
    inbox = Inbox(engine)
    with begin(engine) as session:
        create_job(session, draft(jira_ticket_key="PI-42"))
        ids = {"part_number": "customfield_10908", "quantity": None, "epic_link": None}
        here = runtime.site.known().site_id
        field_mappings.store(session, runtime.settings, Resolved(**ids), site_id=here)
        session.execute(text("UPDATE field_mappings SET resolved_at = now() - interval '2 days'"))
    stale, unlinked = inbox.put(), inbox.put(payload(about=issue("PI-43")))
    deliver(runtime)
    assert inbox.row(stale).outcome == "filled"
    assert inbox.row(unlinked).outcome == "unlinked"


def test_tickets_are_read_and_polled_without_the_broker(engine: Engine, runtime: Runtime) -> None:
    make_job(engine)
    drain(runtime)
    poll(runtime)
    with begin(engine) as session:
        assert session.scalars(select(SyncTask.status)).all() == ["filled"]
        assert session.scalars(select(JiraPoll.tickets)).one() > 0
        assert session.scalars(select(Delivery)).all() == []
