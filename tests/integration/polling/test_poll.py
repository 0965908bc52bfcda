"""The poll: rounds, pages, progress, and what ends a round early."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text

from shared.database.advisory_lock import LockName, advisory_lock
from shared.database.engine import begin
from shared.models import JiraPause, JiraPoll, Job, SyncTask, TicketCopy
from shared.settings import Settings
from shared.tickets import watermarks
from tests.dsl import configured, make_job, make_poll_due, site_id, worker
from tests.support.jira.simulated import SimulatedJira
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.sync.drain import drain
from worker.tasks import beat_schedule

SEARCH = "POST /rest/api/*/search/jql"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that poll project PI, with a budget that costs the tests no time."""
    return configured(settings, jira_project=("PI",), jira_requests_per_minute=60_000)


def progress(engine: Engine) -> JiraPoll:
    """The only poll."""
    with begin(engine) as session:
        (found,) = watermarks.progress(session, site_id=site_id(session))
    return found


def copies(engine: Engine) -> dict[str, TicketCopy]:
    """Our copy of every ticket by its key."""
    with begin(engine) as session:
        return {copy.key: copy for copy in session.scalars(select(TicketCopy))}


def searches(jira: SimulatedJira) -> int:
    """Pages asked for so far."""
    return jira.counts().get("POST search/jql", 0)


def visible(jira: SimulatedJira) -> set[str]:
    """The keys of PI that the account may see."""
    return {t.key for t in jira.simulator.store.current() if t.visible and t.project.key == "PI"}


def test_a_first_import_brings_every_visible_ticket_over_any_number_of_pages(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    assert poll(runtime) >= len(visible(jira)) > 300
    assert set(copies(engine)) == visible(jira)
    assert searches(jira) > 3


def test_the_first_import_shows_its_progress_and_its_end(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    jira.fault("503", match=SEARCH, skip=3, times=1)  # the first search checks the project
    poll(runtime)
    half = progress(engine)
    assert 100 < half.imported < len(visible(jira))
    assert half.running
    assert half.import_done_at is None
    make_poll_due(engine)
    poll(runtime)
    whole = progress(engine)
    assert whole.imported == len(visible(jira))
    assert whole.import_done_at is not None
    assert not whole.running


def test_a_round_that_broke_off_goes_on_where_it_stopped(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    jira.fault("reset", match=SEARCH, skip=3, times=1)
    poll(runtime)
    first = searches(jira)
    make_poll_due(engine)
    poll(runtime)
    whole = len(visible(jira)) / 100
    assert searches(jira) - first < whole
    assert set(copies(engine)) == visible(jira)


def test_a_page_and_the_watermark_are_stored_together_or_not_at_all(
    engine: Engine, runtime: Runtime
) -> None:
    with begin(engine) as session:
        session.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57014'; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER refuse BEFORE UPDATE OF cursor ON jira_polls "
                "FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        )
    with pytest.raises(Exception, match="no"):
        poll(runtime)
    assert not copies(engine)
    assert progress(engine).cursor is None


def test_a_ticket_the_database_refuses_keeps_none_of_its_neighbours_out(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    with begin(engine) as session:
        session.execute(text("ALTER TABLE tickets ADD CHECK (key <> 'PI-42')"))
    poll(runtime)
    assert set(copies(engine)) == visible(jira) - {"PI-42"}
    assert not progress(engine).running


def test_a_round_begins_no_sooner_than_the_interval_after_the_last(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    poll(runtime)
    before = searches(jira)
    assert poll(runtime) == 0
    assert searches(jira) == before
    make_poll_due(engine)
    poll(runtime)
    assert searches(jira) == before + 1


def test_only_one_worker_polls_at_a_time(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    with advisory_lock(engine, LockName.POLL) as held:
        assert held
        assert poll(runtime) == 0
    assert searches(jira) == 0
    assert poll(runtime) > 0


@pytest.mark.parametrize(
    "off", [{"jira_poll_seconds": 0}, {"jira_project": ()}, {"jira_base_url": ""}]
)
def test_without_interval_projects_or_jira_nothing_is_polled_and_beat_sends_nothing(
    settings: Settings, jira: SimulatedJira, off: dict[str, object]
) -> None:
    usual = {"jira_base_url": jira.url, "jira_project": ("PI",)}
    assert "routecard.poll" in beat_schedule(settings.model_copy(update=usual))
    quiet = settings.model_copy(update={**usual, **off})
    assert {"routecard.poll", "routecard.deleted_tickets"}.isdisjoint(beat_schedule(quiet))
    with worker(quiet) as runtime:
        assert poll(runtime) == 0
    assert jira.counts() == {}


def test_the_poll_waits_with_everybody_while_a_pause_is_in_force(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    jira.fault("429", retryAfter=30, times=1)
    poll(runtime)
    before = jira.counts()
    poll(runtime)
    assert jira.counts() == before
    with begin(engine) as session:
        assert session.scalars(select(JiraPoll.scope)).all() == []


def test_a_project_jira_does_not_show_is_said_and_holds_up_no_job(
    engine: Engine, settings: Settings, jira: SimulatedJira
) -> None:
    changes = {"jira_base_url": jira.url, "jira_project": ("PI", "NOSUCH")}
    with worker(settings.model_copy(update=changes)) as runtime:
        make_job(engine)
        jira.control("PATCH", "tickets/PI-42", {"priority": "Low"})
        poll(runtime)
        assert progress(engine).refusal is None
        assert set(copies(engine)) == visible(jira)
        asked = searches(jira)
        poll(runtime)
        assert searches(jira) == asked
    with begin(engine) as session:
        assert session.scalars(select(SyncTask.status)).one() == "filled"
        assert session.scalars(select(JiraPause.code)).one() is None


def test_a_poll_fills_the_jobs_that_wait_for_what_it_brings(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    job_id = make_job(engine)
    jira.control("PATCH", "tickets/PI-42", {"priority": "Low"})
    poll(runtime)
    with begin(engine) as session:
        assert session.get_one(Job, job_id).jira_part_number == "ALU-HOUSING-7075"
        task = session.scalars(select(SyncTask)).one()
    assert (task.status, task.source) == ("filled", "poll")


def test_a_poll_revives_a_job_whose_ticket_was_not_to_be_seen(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    jira.control("POST", "tickets/PI-42/hide")
    make_job(engine)
    drain(runtime)
    jira.control("POST", "tickets/PI-42/unhide")
    poll(runtime)
    with begin(engine) as session:
        assert session.scalars(select(SyncTask.status)).one() == "pending"
    drain(runtime)
    with begin(engine) as session:
        assert session.scalars(select(SyncTask.status)).one() == "filled"


def test_another_mapping_of_fields_has_everything_read_again(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    poll(runtime)
    before = searches(jira)
    other = runtime.settings.model_copy(update={"jira_field_part_number": "customfield_10923"})
    with worker(other) as again:
        poll(again)
    assert searches(jira) - before >= before
    assert copies(engine)["PI-11"].part_number == "158041-001-01"


def test_a_ticket_dated_into_the_future_does_not_end_the_poll_for_ever(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    store = jira.simulator.store
    like = store.get("PI-42").fields
    store.add(project="PI", fields=like, updated_ms=4_000_000_000_000, notify=False)
    poll(runtime)
    key = store.add(project="PI", fields=like, notify=False).key
    make_poll_due(engine)
    poll(runtime)
    assert key in copies(engine)


def test_thousands_of_changes_within_one_minute_are_all_brought(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    store = jira.simulator.store
    moment = store.now_ms() - 600_000
    like = store.get("PI-42").fields
    for _ in range(1500):
        store.add(project="PI", fields=like, updated_ms=moment - moment % 60_000, notify=False)
    poll(runtime)
    assert set(copies(engine)) == visible(jira)


def test_a_page_without_a_watermark_leaves_the_cursor_where_it_is(
    engine: Engine, settings: Settings
) -> None:
    moment = datetime(2026, 11, 23, 10, tzinfo=UTC)
    cursors = []
    with begin(engine) as session:
        watermarks.begin_round(session, settings, site_id=site_id(session), every=60)
        scope = watermarks.scope_of(settings, site_id(session))
        for watermark in (None, moment, None):
            watermarks.advance(session, scope, watermark=watermark, tickets=0)
            cursors.append(session.scalar(text("SELECT cursor FROM jira_polls")))
    assert cursors == [None, moment, moment]
