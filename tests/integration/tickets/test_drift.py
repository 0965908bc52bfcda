"""Drift: its states, computed from our copy, and that nothing changes."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin, database_time
from shared.models import Job
from shared.states import Source
from shared.tickets import drift
from shared.tickets import store as tickets
from shared.tickets.drift import Drift, DriftState
from tests.dsl import create_job, draft, ingest, make_job, site_id, ticket


def bring(engine: Engine, key: str = "PI-42", *, later: int = 0, **changes: Any) -> None:
    """The ticket as Jira has it, changed ``later`` minutes after the usual."""
    usual = ticket(key, **changes)
    updated = usual.updated_at.replace(minute=30 + later)
    fresh = ticket(key, **{**changes, "updated_at": updated})
    with begin(engine) as session:
        ingest(session, [(key, fresh)], source=Source.POLL, worker="w")


def filled(engine: Engine) -> str:
    """A job filled from PI-42; its id."""
    job_id = make_job(engine)
    bring(engine)
    return job_id


def drift_of(engine: Engine, job_id: str) -> Drift:
    """The drift of a job."""
    with begin(engine) as session:
        found = drift.of_job(session, job_id, site_id=site_id(session))
    assert found is not None
    return found


def differing(found: Drift) -> set[str]:
    """The fields that are not the same."""
    return {one.field for one in found.fields if not one.same}


def test_a_job_just_filled_is_in_sync_field_by_field(engine: Engine) -> None:
    found = drift_of(engine, filled(engine))
    assert found.state is DriftState.IN_SYNC
    assert len(found.fields) == 6
    assert found.as_of is not None
    assert not differing(found)


def test_a_change_in_jira_shows_as_drift_of_that_field_and_leaves_the_snapshot(
    engine: Engine,
) -> None:
    job_id = filled(engine)
    bring(engine, later=1, priority="Low", labels=("rush", "Q1-2024"))
    found = drift_of(engine, job_id)
    assert found.state is DriftState.DRIFTED
    assert differing(found) == {"jiraPriority"}
    (priority,) = (one for one in found.fields if one.field == "jiraPriority")
    assert (priority.job, priority.jira) == ("High", "Low")
    with begin(engine) as session:
        assert session.get_one(Job, job_id).jira_priority == "High"


def test_a_moved_ticket_says_its_new_key(engine: Engine) -> None:
    job_id = filled(engine)
    bring(engine, "TL-7", later=1, issue_id="10042")
    found = drift_of(engine, job_id)
    assert (found.state, found.jira_key) == (DriftState.MOVED, "TL-7")


def test_a_ticket_denied_twice_is_deleted_and_its_last_values_stay(engine: Engine) -> None:
    job_id = filled(engine)
    for _ in range(2):
        with begin(engine) as session:
            tickets.record_missing(
                session, ["10042"], site_id=site_id(session), requested_at=database_time(session)
            )
        assert_not_yet = drift_of(engine, job_id).state
        with begin(engine) as session:
            session.execute(text("UPDATE tickets SET missing_since = now() - interval '1 hour'"))
    found = drift_of(engine, job_id)
    assert assert_not_yet is DriftState.DELETED
    assert found.deleted_at is not None
    assert {one.jira for one in found.fields if one.field == "jiraPriority"} == {"High"}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, DriftState.UNLINKED),
        ({"jira_ticket_key": "PI-42"}, DriftState.UNFILLED),
        (
            {
                "jira_ticket_key": "PI-42",
                "jira_ticket_summary": "s",
                "jira_part_number": "p",
                "jira_priority": "High",
                "jira_epic_link": "PI-10",
                "jira_labels": (),
            },
            DriftState.UNKNOWN,
        ),
    ],
)
def test_jobs_without_ticket_fill_or_copy_say_so(
    engine: Engine, changes: dict[str, Any], state: DriftState
) -> None:
    with begin(engine) as session:
        job, _ = create_job(session, draft(**changes))
    assert drift_of(engine, job.id).state is state


def test_a_job_whose_client_sent_everything_is_compared_by_its_key(engine: Engine) -> None:
    sent = {"summary": "s", "part_number": "p", "priority": "High", "epic_link": "PI-10"}
    given = {f"jira_{'ticket_' if k == 'summary' else ''}{k}": v for k, v in sent.items()}
    job_id = make_job(engine, jira_labels=(), **given)
    bring(engine, labels=(), **sent)
    assert drift_of(engine, job_id).state is DriftState.IN_SYNC


def test_there_is_no_drift_of_a_job_that_does_not_exist(engine: Engine) -> None:
    with begin(engine) as session:
        assert drift.of_job(session, "job_nothing", site_id=site_id(session)) is None
