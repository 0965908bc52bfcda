"""Lists of stored tickets: filters, pages, and their age."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.states import Source
from shared.tickets import queries as ticket_queries
from shared.tickets.queries import TicketFilter
from shared.tickets.ticket import TicketRow
from tests.dsl import ingest, site_id, ticket


@pytest.fixture
def shelf(engine: Engine) -> Engine:
    """Five tickets: one done, one deleted, one of another project, ids of two lengths."""
    some = [
        ticket("PI-1", issue_id="9999", summary="100% aluminium", part_number="A_B"),
        ticket("PI-2", issue_id="10000", summary="Turn flange", part_number="AXB"),
        ticket("PI-3", issue_id="10001", done=True, status="Done"),
        ticket("TL-4", issue_id="10002", status="In Progress"),
        ticket("PI-5", issue_id="10003"),
    ]
    with begin(engine) as session:
        ingest(session, [(t.key, t) for t in some], source=Source.POLL, worker="w")
        session.execute(text("UPDATE tickets SET deleted_at = now() WHERE key = 'PI-5'"))
    return engine


def listed(engine: Engine, limit: int = 100, before: str | None = None, **wanted: Any) -> list[str]:
    """Keys of a page."""
    with begin(engine) as session:
        rows = ticket_queries.page(
            session, TicketFilter(**wanted), site_id=site_id(session), limit=limit, before=before
        )
    return [row.key for row in rows]


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        ({}, ["TL-4", "PI-2", "PI-1"]),
        ({"done": None}, ["TL-4", "PI-3", "PI-2", "PI-1"]),
        ({"done": True}, ["PI-3"]),
        ({"project": "pi"}, ["PI-2", "PI-1"]),
        ({"project": "P_"}, []),
        ({"status": "in progress"}, ["TL-4"]),
        ({"q": "flange"}, ["PI-2"]),
        ({"q": "a_b"}, ["PI-1"]),
        ({"q": "100%"}, ["PI-1"]),
        ({"q": "l-4"}, ["TL-4"]),
        ({"deleted": True}, ["PI-5", "TL-4", "PI-2", "PI-1"]),
    ],
)
def test_filters_select_tickets_newest_first(
    shelf: Engine, wanted: dict[str, Any], keys: list[str]
) -> None:
    assert listed(shelf, **wanted) == keys


def test_pages_join_without_gap_or_repeat_also_where_ids_grow_by_a_digit(shelf: Engine) -> None:
    first = listed(shelf, limit=2)
    with begin(shelf) as session:
        last = ticket_queries.one(session, first[-1], site_id=site_id(session))
    assert last is not None
    assert first + listed(shelf, limit=2, before=last.issue_id) == ["TL-4", "PI-2", "PI-1"]


def _known(engine: Engine, key: str) -> TicketRow:
    with begin(engine) as session:
        found = ticket_queries.one(session, key, site_id=site_id(session))
    assert found is not None
    return found


def test_a_ticket_is_found_by_the_key_it_has_and_the_one_it_had(engine: Engine) -> None:
    with begin(engine) as session:
        ingest(session, [("PI-42", ticket("TL-7"))], source=Source.POLL, worker="w")
    assert _known(engine, "pi-42").key == _known(engine, "TL-7").key == "TL-7"
    with begin(engine) as session:
        assert ticket_queries.one(session, "PI-1", site_id=site_id(session)) is None


def test_a_complete_poll_of_its_project_makes_a_ticket_as_young_as_the_poll(
    shelf: Engine,
) -> None:
    with begin(shelf) as session:
        session.execute(text("UPDATE tickets SET read_at = '2024-01-01Z'"))
        session.execute(text("UPDATE tickets SET verified_at = '2024-01-01Z'"))
        session.execute(
            text(
                "INSERT INTO jira_polls (scope, site_id, projects, complete_as_of) "
                "VALUES ('s', :site, ARRAY['PI'], '2024-06-01Z')"
            ),
            {"site": site_id(session)},
        )
    assert _known(shelf, "PI-1").as_of == datetime(2024, 6, 1, tzinfo=UTC)
    assert _known(shelf, "TL-4").as_of == datetime(2024, 1, 1, tzinfo=UTC)
    assert _known(shelf, "PI-5").as_of == datetime(2024, 1, 1, tzinfo=UTC)
