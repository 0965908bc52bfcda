"""Known problems of reading and polling (JIRA.md, section 9), on both products.

The number of each is in the name of its test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text

from shared.database.engine import begin
from shared.models import Job, SyncTask, TicketCopy
from shared.settings import Settings
from shared.states import WaitCode
from shared.sync.pauses import current
from shared.tickets import drift, watermarks
from shared.tickets import queries as ticket_queries
from shared.tickets.drift import DriftState
from tests.dsl import configured, create_job, draft, make_job, make_poll_due, site_id, worker
from tests.support.jira.clients import PRODUCTS
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from worker.polling.deleted_tickets import check_deleted_tickets
from worker.polling.poll import poll
from worker.polling.reconcile import refresh
from worker.runtime import Runtime
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product
from worker.simulator.site.render import Renderer
from worker.sync.drain import drain


@dataclass(slots=True)
class Shop:
    """A Jira, a worker that polls it, and our rows."""

    jira: SimulatedJira
    runtime: Runtime
    engine: Engine

    def poll(self) -> None:
        """A poll, as if its time had come and any pause were over."""
        make_poll_due(self.engine)
        poll(self.runtime)

    def check_copies(self) -> None:
        """The deleted-ticket check, as if a day had passed."""
        make_poll_due(self.engine)
        with begin(self.engine) as session:
            session.execute(
                text(
                    "UPDATE tickets SET verified_at = verified_at - interval '2 days', "
                    "read_at = read_at - interval '2 days', "
                    "missing_since = missing_since - interval '2 days'"
                )
            )
        while check_deleted_tickets(self.runtime):
            pass

    def copy(self, key: str) -> TicketCopy:
        """Our copy by its current key."""
        with begin(self.engine) as session:
            return session.scalars(select(TicketCopy).where(TicketCopy.key == key)).one()

    def copies(self) -> set[str]:
        """The keys of all copies."""
        with begin(self.engine) as session:
            return set(session.scalars(select(TicketCopy.key)))

    def visible(self) -> set[str]:
        """What the account may see of both projects."""
        store = self.jira.simulator.store
        return {t.key for t in store.current() if t.visible and t.project.key in ("PI", "TL")}

    def edit(self, key: str, summary: str) -> None:
        """Somebody changes a ticket."""
        self.jira.control("PATCH", f"tickets/{key}", {"summary": summary})

    def filled_job(self, key: str = "PI-42") -> str:
        """A job that was filled from a ticket; its id."""
        job_id = make_job(self.engine, key)
        drain(self.runtime)
        return job_id

    def drift(self, job_id: str) -> DriftState:
        """The drift of a job."""
        with begin(self.engine) as session:
            found = drift.of_job(session, job_id, site_id=site_id(session))
        assert found is not None
        return found.state


@pytest.fixture(params=list(Product), ids=lambda product: product.name.lower())
def shop(request: pytest.FixtureRequest, settings: Settings, engine: Engine) -> Iterator[Shop]:
    """A shop on each product; the account's time zone is New York's."""
    product: Product = request.param
    with simulated_jira(deployment=product, tickets=230) as jira:
        changes = {
            "jira_base_url": jira.url,
            "jira_deployment": PRODUCTS[product].value,
            "jira_project": ("PI", "TL"),
            "jira_requests_per_minute": 60_000,
            "jira_pat": defaults.PAT if product is Product.SERVER else None,
        }
        made = configured(settings, **changes)
        with worker(made) as runtime:
            yield Shop(jira, runtime, engine)


def test_pain_3_a_change_whose_webhook_never_came_is_found_by_the_poll(shop: Shop) -> None:
    shop.poll()
    shop.edit("PI-42", "Changed while we were away")
    shop.poll()
    assert shop.copy("PI-42").summary == "Changed while we were away"


def test_pain_8_pages_shorter_than_requested_do_not_end_an_import(shop: Shop) -> None:
    shop.jira.control("PATCH", "settings", {"shortPages": True})
    shop.poll()
    assert shop.copies() == shop.visible()


def test_pain_9_an_edit_that_search_shows_minutes_late_is_not_jumped_over(shop: Shop) -> None:
    shop.edit("PI-43", "Moves the watermark past the edit below")
    shop.poll()
    store = shop.jira.simulator.store
    nine_minutes_ago = store.now_ms() - 9 * 60_000
    fields = store.get("PI-43").fields
    late = store.add(project="PI", fields=fields, updated_ms=nine_minutes_ago, notify=False)
    shop.poll()
    assert late.key in shop.copies()


def test_pain_9_a_lagging_index_delays_a_change_and_loses_none(shop: Shop) -> None:
    shop.poll()
    shop.jira.control("PATCH", "settings", {"searchLagSeconds": 300})
    shop.edit("PI-42", "Shown late")
    shop.poll()
    assert shop.copy("PI-42").summary != "Shown late"
    shop.jira.control("PATCH", "settings", {"searchLagSeconds": 0})
    shop.poll()
    assert shop.copy("PI-42").summary == "Shown late"


def test_pain_9_once_a_day_a_round_looks_back_further_than_search_ever_lags(shop: Shop) -> None:
    shop.poll()
    store = shop.jira.simulator.store
    before = store.now_ms() - int(timedelta(hours=20).total_seconds() * 1000)
    fields = store.get("PI-43").fields
    late = store.add(project="PI", fields=fields, updated_ms=before, notify=False)
    shop.edit("PI-42", "Moves the watermark")
    shop.poll()
    assert late.key not in shop.copies()
    with begin(shop.engine) as session:
        session.execute(text("UPDATE jira_polls SET deep_at = now() - interval '25 hours'"))
    shop.poll()
    assert late.key in shop.copies()


def test_pain_10_neither_time_zone_nor_the_minute_hides_a_change(shop: Shop) -> None:
    assert shop.jira.simulator.state.site.time_zone == "America/New_York"
    shop.poll()
    store = shop.jira.simulator.store
    with begin(shop.engine) as session:
        (progress,) = watermarks.progress(session, site_id=site_id(session))
    assert progress.watermark is not None
    stamp = int(progress.watermark.timestamp() * 1000)
    fields = store.get("PI-43").fields
    around = [stamp - stamp % 60_000, stamp, stamp + 1, stamp + 59_000]
    made = [store.add(project="PI", fields=fields, updated_ms=m, notify=False) for m in around]
    shop.poll()
    assert {ticket.key for ticket in made} <= shop.copies()


def test_pain_11_an_expired_token_that_looks_like_an_empty_jira_deletes_nothing(
    shop: Shop,
) -> None:
    shop.poll()
    known = shop.copies()
    with begin(shop.engine) as session:
        (before,) = watermarks.progress(session, site_id=site_id(session))
    shop.jira.control("PATCH", "settings", {"expired": True})
    for _ in range(3):
        shop.poll()
        shop.check_copies()
    with begin(shop.engine) as session:
        (after,) = watermarks.progress(session, site_id=site_id(session))
        gone = session.scalars(select(TicketCopy).where(TicketCopy.deleted_at.is_not(None))).all()
        suspected = session.scalars(
            select(TicketCopy).where(TicketCopy.missing_since.is_not(None))
        ).all()
        pause = current(session)
    assert (shop.copies(), gone, suspected) == (known, [], [])
    assert after.watermark == before.watermark
    assert pause is not None
    assert pause.code is WaitCode.CREDENTIALS_REFUSED
    shop.jira.control("PATCH", "settings", {"expired": False})
    shop.edit("PI-42", "After the token was renewed")
    shop.poll()
    assert shop.copy("PI-42").summary == "After the token was renewed"


def test_pain_14_a_moved_ticket_stays_one_ticket_and_its_job_goes_on_under_the_old_key(
    shop: Shop,
) -> None:
    job_id = shop.filled_job()
    moved = shop.jira.control("POST", "tickets/PI-42/move", {"project": "TL"})["key"]
    make_job(shop.engine)
    drain(shop.runtime)
    with begin(shop.engine) as session:
        keys = session.scalars(select(Job.jira_ticket_key)).all()
        statuses = session.scalars(select(SyncTask.status)).all()
        found = ticket_queries.one(session, "PI-42", site_id=site_id(session))
    assert (list(keys), list(statuses)) == (["PI-42", "PI-42"], ["filled", "filled"])
    assert found is not None
    assert (found.key, found.former_keys) == (moved, ["PI-42"])
    assert shop.drift(job_id) is DriftState.MOVED


def test_pain_14_a_ticket_moved_out_of_our_projects_counts_as_deleted_at_the_second_look(
    shop: Shop,
) -> None:
    shop.poll()
    shop.jira.control("POST", "projects", {"key": "OUT"})
    moved = shop.jira.control("POST", "tickets/PI-42/move", {"project": "OUT"})["key"]
    shop.poll()
    for found in (None, None, "deleted"):
        assert (shop.copy("PI-42").deleted_at is None) == (found is None)
        shop.check_copies()
    assert moved not in shop.copies()


def test_pain_15_one_deleted_ticket_costs_its_neighbours_nothing(shop: Shop) -> None:
    shop.jira.control("DELETE", "tickets/PI-43")
    with begin(shop.engine) as session:
        for key in ("PI-42", "PI-43", "PI-44"):
            create_job(session, draft(jira_ticket_key=key))
    drain(shop.runtime)
    with begin(shop.engine) as session:
        rows = session.execute(select(SyncTask.ticket_key, SyncTask.status))
        assert {row.ticket_key: row.status for row in rows} == {
            "PI-42": "filled",
            "PI-43": "failed",
            "PI-44": "filled",
        }


def test_pain_16_a_deletion_no_search_shows_is_found_at_the_second_look(shop: Shop) -> None:
    shop.poll()
    job_id = shop.filled_job()
    shop.jira.control("DELETE", "tickets/PI-42")
    shop.poll()
    assert shop.copy("PI-42").deleted_at is None
    shop.check_copies()
    assert shop.copy("PI-42").missing_since is not None
    assert shop.copy("PI-42").deleted_at is None
    shop.check_copies()
    assert shop.copy("PI-42").deleted_at is not None
    assert shop.drift(job_id) is DriftState.DELETED
    with begin(shop.engine) as session:
        gone = session.scalars(select(TicketCopy.key).where(TicketCopy.deleted_at.is_not(None)))
        assert list(gone) == ["PI-42"]


@pytest.mark.parametrize("seen_again_by", ["deleted-ticket check", "reconcile"])
def test_a_ticket_that_comes_back_in_an_unusable_form_is_not_taken_for_deleted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, seen_again_by: str
) -> None:
    shop.poll()
    job_id = shop.filled_job()
    with begin(shop.engine) as session:
        session.execute(
            text("UPDATE tickets SET missing_since = now() - interval '1 hour' WHERE key = 'PI-42'")
        )
    monkeypatch.setattr(Renderer, "timestamp", lambda *_: "no moment")
    for _ in range(2):
        if seen_again_by == "reconcile":
            refreshed = refresh(shop.runtime, report_progress=lambda _: None)
            assert (refreshed.found, refreshed.denied, refreshed.unusable) == (0, 0, 1)
        else:
            shop.check_copies()
    ticket = shop.copy("PI-42")
    assert (ticket.missing_since, ticket.deleted_at) == (None, None)
    assert shop.drift(job_id) is DriftState.IN_SYNC
    with begin(shop.engine) as session:
        marked = TicketCopy.deleted_at.is_not(None) | TicketCopy.missing_since.is_not(None)
        assert session.scalars(select(TicketCopy.key).where(marked)).all() == []


def test_an_unusable_ticket_is_looked_up_once_a_day_and_its_copy_keeps_its_age(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.poll()
    with begin(shop.engine) as session:
        session.execute(text("UPDATE jira_polls SET complete_as_of = NULL"))
    monkeypatch.setattr(Renderer, "timestamp", lambda *_: "no moment")
    shop.check_copies()
    assert check_deleted_tickets(shop.runtime) == 0
    with begin(shop.engine) as session:
        found = ticket_queries.one(session, "PI-42", site_id=site_id(session))
    assert found is not None
    assert found.as_of == shop.copy("PI-42").read_at


def test_pain_18_a_hidden_ticket_keeps_its_last_values_and_comes_back(shop: Shop) -> None:
    shop.poll()
    shop.jira.control("POST", "tickets/PI-42/hide")
    for _ in range(2):
        shop.check_copies()
    hidden = shop.copy("PI-42")
    assert hidden.deleted_at is not None
    assert hidden.part_number == "ALU-HOUSING-7075"
    shop.jira.control("POST", "tickets/PI-42/unhide")
    with begin(shop.engine) as session:
        session.execute(text("UPDATE tickets SET verified_at = now() - interval '8 days'"))
    check = shop.copy("PI-42").deleted_at
    shop.check_copies()
    assert check is not None
    assert shop.copy("PI-42").deleted_at is None
