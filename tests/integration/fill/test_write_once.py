"""The database enforces that Jira fields are write-once (spec/create-job.txt, notes)."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.database.engine import begin
from shared.models import Job
from shared.states import Source
from shared.sync import leases
from tests.dsl import ingest, make_job, receive_ticket, ticket

SIX = {
    "jira_ticket_key": "'PI-43'",
    "jira_ticket_summary": "'other'",
    "jira_part_number": "'other'",
    "jira_priority": "'Low'",
    "jira_epic_link": "'PI-11'",
    "jira_labels": "ARRAY['other']",
}


def filled_job(engine: Engine, **changes: object) -> Job:
    """A job filled from the source document's ticket."""
    job_id = make_job(engine)
    with begin(engine) as session:
        held = leases.claim(session, lease_seconds=60)
        ingest(session, [("PI-42", ticket(**changes))], source=Source.API, worker="w", claims=held)
    with begin(engine) as session:
        return session.get_one(Job, job_id)


@pytest.mark.parametrize("column", SIX)
@pytest.mark.parametrize("value", ["other", "NULL"])
def test_a_filled_field_can_neither_change_nor_vanish(
    engine: Engine, column: str, value: str
) -> None:
    job = filled_job(engine)
    new = SIX[column] if value == "other" else value
    with pytest.raises(DBAPIError, match="write-once"), begin(engine) as session:
        session.execute(text(f"UPDATE jobs SET {column} = {new} WHERE id = :id"), {"id": job.id})


def test_a_field_absent_at_the_fill_stays_absent_for_ever(engine: Engine) -> None:
    job = filled_job(engine, part_number=None)
    assert job.jira_part_number is None
    with pytest.raises(DBAPIError, match="write-once"), begin(engine) as session:
        session.execute(
            text("UPDATE jobs SET jira_part_number = 'late' WHERE id = :id"), {"id": job.id}
        )


def test_before_the_fill_only_absent_fields_may_be_set(engine: Engine) -> None:
    job_id = make_job(engine, "PI-42", jira_priority="High")
    with begin(engine) as session:
        session.execute(text("UPDATE jobs SET jira_epic_link = 'PI-10'"))
    with pytest.raises(DBAPIError, match="write-once"), begin(engine) as session:
        session.execute(
            text("UPDATE jobs SET jira_priority = 'Low' WHERE id = :id"), {"id": job_id}
        )


def test_what_the_client_sent_stays_and_the_rest_is_filled_once(engine: Engine) -> None:
    job_id = make_job(engine, jira_priority="Low", jira_labels=())
    receive_ticket(engine, source=Source.POLL)
    receive_ticket(engine, summary="renamed", part_number="X")
    with begin(engine) as session:
        stored = session.get_one(Job, job_id)
    assert (stored.jira_priority, stored.jira_labels) == ("Low", [])
    assert stored.jira_ticket_summary == "Build 50 aluminum housings"
    assert stored.jira_part_number == "ALU-HOUSING-7075"


def test_empty_labels_from_jira_are_absent(engine: Engine) -> None:
    assert filled_job(engine, labels=()).jira_labels is None


def test_the_fill_moves_updated_at_and_the_version(engine: Engine) -> None:
    job = filled_job(engine)
    assert job.updated_at > job.created_at
    assert job.version == 2


def test_a_job_made_from_a_ticket_takes_its_name_and_quantity_from_it(engine: Engine) -> None:
    job_id = make_job(
        engine, name="PI-42", goal_quantity=1, name_from_ticket=True, quantity_from_ticket=True
    )
    receive_ticket(engine, source=Source.POLL)
    with begin(engine) as session:
        stored = session.get_one(Job, job_id)
    assert (stored.name, stored.goal_quantity) == ("Build 50 aluminum housings", 50)
    assert not stored.name_from_ticket
