"""Filling a job from our copy when it is created: when that is allowed, and when not."""

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.fill import from_copy
from shared.models import Job, SyncAttempt, SyncTask
from shared.states import Source
from tests.dsl import create_job, draft, ingest, site_id, ticket


def store_copy(
    engine: Engine, key: str = "PI-42", *, age: int = 0, found_as: str | None = None
) -> None:
    """Our copy of a ticket, read ``age`` seconds ago, found under the key ``found_as``."""
    with begin(engine) as session:
        ingest(session, [(found_as or key, ticket(key))], source=Source.POLL, worker="w")
        session.execute(
            text("UPDATE tickets SET read_at = now() - make_interval(secs => :age)"), {"age": age}
        )


def create_filled(engine: Engine, *, fresh: int, **changes: object) -> tuple[Job, SyncTask]:
    """Create a job as the API does; returns its rows after the commit."""
    with begin(engine) as session:
        job, task = create_job(session, draft(**{"jira_ticket_key": "PI-42", **changes}))
        from_copy.fill_fresh(session, [job.id], site_id=site_id(session), fresh_seconds=fresh)
    assert task is not None
    with begin(engine) as session:
        return session.get_one(Job, job.id), session.get_one(SyncTask, task.id)


def test_a_job_is_filled_in_its_own_transaction_where_our_copy_is_fresh(engine: Engine) -> None:
    store_copy(engine, age=60)
    job, task = create_filled(engine, fresh=120)
    assert (job.jira_part_number, job.jira_labels) == ("ALU-HOUSING-7075", ["Q1-2024", "rush"])
    assert job.jira_filled_at == job.created_at
    assert (task.status, task.source, task.attempts) == ("filled", "mirror", 1)
    with begin(engine) as session:
        (attempt,) = session.query(SyncAttempt).all()
    assert (attempt.source, attempt.outcome) == ("mirror", "filled")


def test_what_the_client_sent_is_not_overwritten_from_the_copy(engine: Engine) -> None:
    store_copy(engine)
    job, _ = create_filled(engine, fresh=120, jira_priority="Blocker")
    assert (job.jira_priority, job.jira_part_number) == ("Blocker", "ALU-HOUSING-7075")


@pytest.mark.parametrize(("age", "fresh"), [(121, 120), (0, 0)])
def test_a_copy_that_is_old_or_not_allowed_to_serve_fills_nothing(
    engine: Engine, age: int, fresh: int
) -> None:
    store_copy(engine, age=age)
    job, task = create_filled(engine, fresh=fresh)
    assert (task.status, job.jira_filled_at) == ("pending", None)


@pytest.mark.parametrize("sign", ["deleted_at", "missing_since"])
def test_a_ticket_that_jira_denies_fills_nothing(engine: Engine, sign: str) -> None:
    store_copy(engine)
    with begin(engine) as session:
        session.execute(text(f"UPDATE tickets SET {sign} = now()"))
    assert create_filled(engine, fresh=120)[1].status == "pending"


def test_a_key_that_the_ticket_had_before_it_was_moved_is_read_from_jira(engine: Engine) -> None:
    store_copy(engine, "TL-7", found_as="PI-42")
    assert create_filled(engine, fresh=120)[1].status == "pending"


def test_the_copy_that_bears_the_key_now_goes_before_one_that_bore_it(engine: Engine) -> None:
    store_copy(engine, "TL-7", found_as="PI-42")
    with begin(engine) as session:
        mine = ticket("PI-42", part_number="OTHER")
        ingest(session, [("PI-42", mine)], source=Source.POLL, worker="w")
    assert create_filled(engine, fresh=120)[0].jira_part_number == "OTHER"


def test_a_webhook_that_had_to_wait_makes_no_copy_look_fresh(engine: Engine) -> None:
    with begin(engine) as session:
        long_ago = session.scalar(text("SELECT now() - interval '1 hour'"))
        readings = [("PI-42", ticket("PI-42"))]
        ingest(session, readings, source=Source.WEBHOOK, worker="w", read_at=long_ago)
    assert create_filled(engine, fresh=120)[1].status == "pending"
