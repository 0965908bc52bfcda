"""Ingesting tickets of bulk read, webhook and poll: what is filled, and what is not changed."""

from sqlalchemy import Engine

from shared.database.engine import begin
from shared.models import Job, SyncTask
from shared.states import Source
from shared.sync import leases
from tests.dsl import create_job, draft, ingest, ticket


def test_a_claimed_task_is_filled_from_the_ticket_that_was_read(engine: Engine) -> None:
    with begin(engine) as session:
        job, task = create_job(session, draft(jira_ticket_key="PI-42"))
    assert task is not None
    with begin(engine) as session:
        claims = leases.claim(session, lease_seconds=60)
    with begin(engine) as session:
        ingest(session, [("PI-42", ticket("PI-42"))], source=Source.API, worker="w", claims=claims)
    with begin(engine) as session:
        stored, done = session.get_one(Job, job.id), session.get_one(SyncTask, task.id)
    assert stored.jira_part_number == "ALU-HOUSING-7075"
    assert stored.jira_labels == ["Q1-2024", "rush"]
    assert stored.jira_filled_at is not None
    assert stored.updated_at > stored.created_at
    assert (done.status, done.source, done.attempts) == ("filled", "api", 1)
