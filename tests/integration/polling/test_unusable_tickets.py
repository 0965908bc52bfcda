"""Tickets that the poll cannot use: shown with the reason, read again, and never taken for new."""

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import UnusableTicket
from shared.settings import Settings
from shared.tickets import unusable
from tests.dsl import ApiClient, api_client, configured, make_poll_due, worker
from tests.support.jira.simulated import SimulatedJira
from worker.doctor.run import examine
from worker.polling.deleted_tickets import check_deleted_tickets
from worker.polling.poll import poll

ODD = "A B"


@pytest.fixture
def settings(settings: Settings, jira: SimulatedJira) -> Settings:
    """Every project is polled, also one whose tickets have keys that we cannot use."""
    jira.control("POST", "projects", {"key": ODD})
    return configured(
        settings, jira_base_url=jira.url, jira_project=("*",), jira_requests_per_minute=60_000
    )


def counted(api: ApiClient) -> int:
    """How many there are, as the summary says."""
    found: int = api.get("/api/sync/summary").get_json()["poll"]["unusableTickets"]
    return found


def test_they_are_shown_everywhere_until_they_can_be_used(
    settings: Settings, engine: Engine, jira: SimulatedJira
) -> None:
    with api_client(settings, engine) as api, worker(settings) as runtime:
        poll(runtime)
        assert counted(api) == 0
        moved = jira.control("POST", "tickets/PI-42/move", {"project": ODD})
        with begin(engine) as session:
            session.execute(text("UPDATE tickets SET read_at = '2024-05-01', verified_at = now()"))
        make_poll_due(engine)
        poll(runtime)

        (shown,) = api.get("/api/sync/summary").get_json()["poll"]["unusable"]
        assert shown["ticket"] == moved["id"]
        assert shown["reason"] == "its key 'A B-1' is no PROJECT-NUMBER"
        for page in ("/", "/jira"):
            assert "1 ticket could not be used" in api.get(page).text
        found = {one.name: one for one in examine(settings)}["unusable_tickets"]
        assert found.status == "warn"
        assert f"{moved['id']}: its key 'A B-1'" in found.message
        # The round is complete, but not for this one.
        as_of = {t["key"]: t["asOf"] for t in api.get("/api/jira/tickets?all=true").get_json()}
        assert as_of["PI-42"].startswith("2024-05-01")
        assert not as_of["PI-43"].startswith("2024-05-01")

        jira.control("POST", f"tickets/{moved['key']}/move", {"project": "TL"})
        with begin(engine) as session:
            session.execute(text("UPDATE unusable_tickets SET seen_at = now() - interval '1 hour'"))
        check_deleted_tickets(runtime)
        assert counted(api) == 0
        ticket = api.get("/api/jira/tickets/PI-42").get_json()
        assert (ticket["key"], "PI-42" in ticket["formerKeys"]) == ("TL-21", True)


def test_the_next_poll_clears_what_can_be_used_again(
    settings: Settings, engine: Engine, jira: SimulatedJira
) -> None:
    with api_client(settings, engine) as api, worker(settings) as runtime:
        odd = jira.control("POST", "tickets", {"project": ODD, "count": 2})["keys"]
        poll(runtime)
        assert counted(api) == 2
        jira.control("POST", f"tickets/{odd[0]}/move", {"project": "PI"})
        make_poll_due(engine)
        poll(runtime)
        assert counted(api) == 1


def test_their_number_is_bounded(engine: Engine) -> None:
    with begin(engine) as session:
        unusable.record(session, "s", {f"PI-{n}": "odd" for n in range(1, unusable.MOST + 51)})
        unusable.record(session, "s", {"PI-9999": "odd"})
        assert session.query(UnusableTicket).count() == unusable.MOST
        session.execute(text("UPDATE unusable_tickets SET seen_at = now() - interval '8 days'"))
        unusable.record(session, "s", {"PI-1": "odd"})
        assert session.query(UnusableTicket).count() == 1
