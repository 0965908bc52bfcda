"""Retry and cancel of tasks, one or all that match: what changes, what is left and why."""

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.accounts.audit import AuditContext
from shared.accounts.credentials import Actor
from shared.actions import tasks as task_actions
from shared.database.engine import begin, in_transaction
from shared.errors import ConflictError, NotFoundError
from shared.jobs import store as jobs
from shared.models import AuditEvent, SyncTask
from shared.states import ActorKind, Operation, Source, TaskStatus, WaitCode
from shared.sync import pauses
from shared.sync.queries import EVERYTHING, TaskFilter
from tests.dsl import ingest, make_task, make_task_in_each_state, task_status, ticket
from tests.support.data.bulk import act_on_all, preview
from tests.support.races import wait_until_blocked

CONTEXT = AuditContext(actor=Actor(ActorKind.TOKEN, "on-call"), reason="the project is open again")
STATES = ("pending", "running", "filled", "failed", "cancelled", "orphan")


def audited(engine: Engine) -> list[AuditEvent]:
    with begin(engine) as session:
        return list(session.query(AuditEvent).order_by(AuditEvent.id))


def act(engine: Engine, operation: Operation, task_id: str) -> None:
    in_transaction(engine, lambda s: task_actions.act(s, operation, task_id, context=CONTEXT))


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_one_that_ended_without_a_fill_is_retried_and_noted(engine: Engine, state: str) -> None:
    task_id = make_task(engine, state)
    act(engine, Operation.RETRY, task_id)
    assert task_status(engine, task_id) == "pending"
    (event,) = audited(engine)
    assert (event.action, event.subject, event.actor, event.actor_kind, event.reason) == (
        "retry",
        task_id,
        "on-call",
        "token",
        "the project is open again",
    )
    assert event.ended_at is not None


@pytest.mark.parametrize("state", ["pending", "running", "failed"])
def test_one_that_is_open_is_cancelled_and_says_by_whom(engine: Engine, state: str) -> None:
    task_id = make_task(engine, state)
    act(engine, Operation.CANCEL, task_id)
    with begin(engine) as session:
        task = session.get_one(SyncTask, task_id)
    assert task.status == "cancelled"
    assert task.error_message == "Cancelled by on-call: the project is open again"


@pytest.mark.parametrize(
    ("operation", "state", "reason"),
    [
        (Operation.RETRY, "filled", "filled already"),
        (Operation.RETRY, "pending", "waiting for its next try"),
        (Operation.RETRY, "running", "being worked on"),
        (Operation.RETRY, "orphan", "job was deleted"),
        (Operation.CANCEL, "filled", "filled already"),
        (Operation.CANCEL, "cancelled", "cancelled already"),
        (Operation.CANCEL, "orphan", "cancelled already"),
    ],
)
def test_a_state_that_forbids_it_is_named_and_nothing_is_noted(
    engine: Engine, operation: Operation, state: str, reason: str
) -> None:
    task_id = make_task(engine, state)
    before = task_status(engine, task_id)
    with pytest.raises(ConflictError, match=reason):
        act(engine, operation, task_id)
    assert task_status(engine, task_id) == before
    assert audited(engine) == []


def test_a_task_that_does_not_exist_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFoundError, match="SyncTask not found: sync_x"):
        act(engine, Operation.RETRY, "sync_x")


def test_all_are_retried_but_those_that_cannot_be_and_the_counts_say_why(engine: Engine) -> None:
    tasks = make_task_in_each_state(engine)
    previewed = preview(engine, Operation.RETRY, EVERYTHING).as_json()
    outcome = act_on_all(engine, Operation.RETRY, EVERYTHING, context=CONTEXT).as_json()
    assert outcome == previewed
    assert outcome == {
        "matched": 6,
        "changed": 2,
        "skipped": {"already_filled": 1, "already_waiting": 1, "job_deleted": 1, "running": 1},
    }
    after = {state: task_status(engine, task_id) for state, task_id in tasks.items()}
    assert after == {
        "pending": "pending",
        "running": "running",
        "filled": "filled",
        "failed": "pending",
        "cancelled": "pending",
        "orphan": "cancelled",
    }


def test_all_are_cancelled_but_those_that_cannot_be(engine: Engine) -> None:
    tasks = make_task_in_each_state(engine)
    outcome = act_on_all(engine, Operation.CANCEL, EVERYTHING, context=CONTEXT).as_json()
    assert outcome == {
        "matched": 6,
        "changed": 3,
        "skipped": {"already_cancelled": 2, "already_filled": 1},
    }
    assert {task_status(engine, task_id) for task_id in tasks.values()} == {"filled", "cancelled"}


def test_a_preview_changes_nothing_and_is_not_noted(engine: Engine) -> None:
    task_id = make_task(engine, "failed")
    assert preview(engine, Operation.RETRY, EVERYTHING).changed == 1
    assert task_status(engine, task_id) == "failed"
    assert audited(engine) == []


def test_only_what_the_filter_matches_is_changed(engine: Engine) -> None:
    hit = make_task(engine, "failed", key="PI-1", name="Housing, left")
    miss = make_task(engine, "failed", key="PI-2", name="Cover")
    wanted = TaskFilter(statuses=(TaskStatus.FAILED,), words="housing")
    outcome = act_on_all(engine, Operation.RETRY, wanted, context=CONTEXT)
    assert (outcome.matched, outcome.changed) == (1, 1)
    assert (task_status(engine, hit), task_status(engine, miss)) == ("pending", "failed")
    (event,) = audited(engine)
    assert event.filter == {"statuses": ["failed"], "words": "housing"}
    assert event.counts == {"matched": 1, "changed": 1, "skipped": {}}
    assert event.ended_at is not None


def test_a_retry_does_not_go_past_the_pause_that_all_workers_share(engine: Engine) -> None:
    task_id = make_task(engine, "failed")
    with begin(engine) as session:
        pauses.begin(session, credentials="c", code=WaitCode.RATE_LIMITED, message="m", delay=60)
    act(engine, Operation.RETRY, task_id)
    with begin(engine) as session:
        assert pauses.in_force(session, credentials="c") is not None
        assert pauses.take_probe(session, credentials="c") is None


def test_bulk_operations_fills_and_deletions_at_once_end_without_a_deadlock_or_a_lost_task(
    engine: Engine,
) -> None:
    ids = [make_task(engine, "failed", key=f"PI-{n}") for n in range(1, 41)]
    errors: list[BaseException] = []

    def attempt(work: Any) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
            errors.append(error)

    def fill() -> None:
        readings = [(f"PI-{n}", ticket(f"PI-{n}")) for n in range(30, 0, -1)]
        in_transaction(engine, lambda s: ingest(s, readings, source=Source.POLL, worker="w"))

    def delete() -> None:
        for task_id in reversed(ids[20:]):
            with begin(engine) as session:
                job_id = session.get_one(SyncTask, task_id).job_id
            in_transaction(
                engine,
                lambda s, job_id=job_id: (jobs.lock_version(s, job_id), jobs.delete(s, job_id)),
            )

    works = [
        fill,
        delete,
        lambda: act_on_all(engine, Operation.RETRY, EVERYTHING, context=CONTEXT),
        lambda: act_on_all(engine, Operation.CANCEL, EVERYTHING, context=CONTEXT),
    ]
    threads = [threading.Thread(target=attempt, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with begin(engine) as session:
        orphans = session.scalar(
            text(
                "SELECT count(*) FROM sync_tasks t LEFT JOIN jobs j ON j.id = t.job_id "
                "WHERE j.id IS NULL AND t.status NOT IN ('cancelled', 'filled')"
            )
        )
        half = session.scalar(
            text(
                "SELECT count(*) FROM sync_tasks t JOIN jobs j ON j.id = t.job_id "
                "WHERE (t.status = 'filled') <> (j.jira_filled_at IS NOT NULL)"
            )
        )
    assert (orphans, half) == (0, 0)


def test_a_retry_of_a_cancelled_task_never_outlives_the_deletion_of_its_job(
    engine: Engine,
) -> None:
    task_id = make_task(engine, "cancelled")
    refused: list[ConflictError] = []

    def retry() -> None:
        try:
            act(engine, Operation.RETRY, task_id)
        except ConflictError as error:
            refused.append(error)

    thread = threading.Thread(target=retry)
    with begin(engine) as session:
        job_id = session.get_one(SyncTask, task_id).job_id
        jobs.lock_version(session, job_id)
        jobs.delete(session, job_id)
        thread.start()
        wait_until_blocked(engine, 1)
    thread.join(10)
    assert "job was deleted" in refused[0].message
    assert task_status(engine, task_id) == "cancelled"
