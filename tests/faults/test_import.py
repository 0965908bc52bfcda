"""The first import of many tickets: after a kill it continues, and it shows its progress."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import JiraPoll
from shared.tickets import watermarks
from tests.dsl import site_id
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from tests.support.servers.processes import Parts
from tests.support.waiting import eventually

TICKETS = 5000

pytestmark = pytest.mark.long


@pytest.fixture
def jira() -> Iterator[SimulatedJira]:
    """A simulator with many tickets."""
    with simulated_jira(tickets=TICKETS) as jira:
        yield jira


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """With polling."""
    return {**environment, "JIRA_PROJECT": "PI", "JIRA_POLL_SECONDS": "1"}


def progress(engine: Engine) -> JiraPoll:
    """The poll; AssertionError if it has not begun."""
    with begin(engine) as session:
        found = watermarks.progress(session, site_id=site_id(session))
    assert found, "no poll has begun"
    return found[0]


def copies(engine: Engine) -> set[str]:
    """The keys of all copies."""
    with begin(engine) as session:
        return set(session.scalars(text("SELECT key FROM tickets")))


def visible(jira: SimulatedJira) -> set[str]:
    """What the account may see of PI."""
    return {t.key for t in jira.simulator.store.current() if t.visible and t.project.key == "PI"}


def test_an_import_killed_twice_goes_on_where_it_was_and_brings_every_ticket_once(
    engine: Engine, routecard: Parts, jira: SimulatedJira
) -> None:
    jira.fault("slow", match="POST /rest/api/*/search/jql", delay=0.15)
    routecard.start("beat")
    for wanted in (500, 1500):
        routecard.start("worker")
        eventually(lambda wanted=wanted: progress(engine).imported > wanted, within=60)
        routecard.kill("worker")
        assert progress(engine).import_done_at is None
        assert progress(engine).imported == len(copies(engine)) < TICKETS
    routecard.start("worker")
    eventually(lambda: progress(engine).import_done_at, within=90)
    assert copies(engine) == visible(jira)
    assert progress(engine).imported == len(visible(jira))
    searches = jira.counts()["POST search/jql"]
    assert searches < 2 * TICKETS / 100


def test_after_the_import_a_change_is_known_within_seconds_and_nothing_is_read_again(
    engine: Engine, routecard: Parts, jira: SimulatedJira
) -> None:
    routecard.start("worker")
    routecard.start("beat")
    eventually(lambda: progress(engine).import_done_at, within=90)
    before = jira.counts()["POST search/jql"]
    jira.control("PATCH", "tickets/PI-42", {"summary": "Changed after the import"})

    def known() -> bool:
        with begin(engine) as session:
            found = session.scalar(text("SELECT summary FROM tickets WHERE key = 'PI-42'"))
        return found == "Changed after the import"

    eventually(known, within=20)
    assert jira.counts()["POST search/jql"] - before < 20
