"""Each row of the state table of a sync task (docs/architecture.md), on the real tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from shared.database.engine import begin
from shared.fill.snapshots import lock_jobs
from shared.jobs import store as jobs
from shared.models import Job, SyncAttempt, SyncTask, TicketCopy
from shared.states import FailureCode, Source, TaskStatus, WaitCode
from shared.sync import leases
from shared.sync import settle as sync_settle
from shared.sync import tasks as sync_tasks
from shared.sync.leases import Claim
from shared.tickets.ticket import Ticket
from tests.dsl import create_job, draft, ingest, site_id, ticket


class TaskDriver:
    """Short calls for the tests, each in its own transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def create(self, key: str = "PI-42", **changes: Any) -> str:
        with begin(self.engine) as session:
            _, task = create_job(session, draft(jira_ticket_key=key, **changes))
        assert task is not None
        return task.id

    def claim(self, lease_seconds: float = 60) -> list[Claim]:
        with begin(self.engine) as session:
            return leases.claim(session, lease_seconds=lease_seconds)

    def claim_quarantined(self, lease_seconds: float = 60) -> list[Claim]:
        with begin(self.engine) as session:
            return leases.claim_quarantined(session, lease_seconds=lease_seconds)

    def bring(
        self, *tickets: Ticket, source: Source = Source.API, claims: Sequence[Claim] = ()
    ) -> int:
        with begin(self.engine) as session:
            readings = [(t.key, t) for t in tickets]
            return ingest(session, readings, source=source, worker="w", claims=claims)

    def fail(self, claims: list[Claim], code: FailureCode = FailureCode.TICKET_NOT_FOUND) -> int:
        with begin(self.engine) as session:
            return sync_settle.fail(session, claims, code=code, worker="w")

    def sweep(self) -> int:
        with begin(self.engine) as session:
            return leases.take_back_expired(session)

    def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        with begin(self.engine) as session:
            return function(session, *args, **kwargs)

    def task(self, task_id: str) -> SyncTask:
        with begin(self.engine) as session:
            return session.get_one(SyncTask, task_id)

    def job_of(self, task_id: str) -> Job:
        with begin(self.engine) as session:
            return session.get_one(Job, session.get_one(SyncTask, task_id).job_id)

    def attempts(self, task_id: str) -> list[SyncAttempt]:
        with begin(self.engine) as session:
            found = select(SyncAttempt).where(SyncAttempt.task_id == task_id)
            return list(session.scalars(found.order_by(SyncAttempt.id)))


@pytest.fixture
def driver(engine: Engine) -> TaskDriver:
    """The test's driver."""
    return TaskDriver(engine)


def test_a_job_with_something_to_fill_gets_a_pending_task_due_at_once(driver: TaskDriver) -> None:
    task = driver.task(driver.create())
    assert (task.status, task.attempts, task.lease_token) == ("pending", 0, 0)
    assert [c.task_id for c in driver.claim()] == [task.id]


def test_a_job_with_no_key_or_with_all_six_fields_gets_no_task(engine: Engine) -> None:
    full = draft(
        jira_ticket_key="PI-42",
        jira_ticket_summary="s",
        jira_part_number="p",
        jira_priority="High",
        jira_epic_link="PI-10",
        jira_labels=(),
    )
    with begin(engine) as session:
        assert create_job(session, draft())[1] is None
        job, task = create_job(session, full)
        assert task is None
        assert session.get_one(Job, job.id).jira_filled_at is not None


def test_pending_becomes_running_by_a_claim_with_a_lease_and_a_new_token(
    driver: TaskDriver,
) -> None:
    task_id = driver.create()
    (claim,) = driver.claim()
    task = driver.task(task_id)
    assert (task.status, task.lease_token, claim.lease_token) == ("running", 1, 1)
    assert task.lease_until is not None
    assert driver.claim() == []


def test_running_becomes_filled_when_the_ticket_was_read(driver: TaskDriver) -> None:
    task_id = driver.create()
    driver.bring(ticket(), claims=driver.claim())
    task = driver.task(task_id)
    assert (task.status, task.source, task.attempts) == ("filled", "api", 1)
    assert driver.job_of(task_id).jira_part_number == "ALU-HOUSING-7075"
    assert [a.outcome for a in driver.attempts(task_id)] == ["filled"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (FailureCode.TICKET_NOT_FOUND, "Jira has no ticket PI-42"),
        (FailureCode.NO_PERMISSION, "may not read ticket PI-42"),
        (FailureCode.UNUSABLE_TICKET, "form we cannot use"),
    ],
)
def test_running_becomes_failed_by_an_answer_about_this_ticket(
    driver: TaskDriver, code: FailureCode, words: str
) -> None:
    task_id = driver.create()
    driver.fail(driver.claim(), code)
    task = driver.task(task_id)
    assert (task.status, task.error_code, task.failures) == ("failed", code.value, 1)
    assert words in (task.error_message or "")
    assert [a.outcome for a in driver.attempts(task_id)] == ["failed"]


def test_running_goes_back_to_pending_uncounted_when_the_call_failed_as_a_whole(
    driver: TaskDriver,
) -> None:
    task_id = driver.create()
    claims = driver.claim()
    driver.run(sync_settle.wait, claims, code=WaitCode.JIRA_DOWN, message="m", worker="w")
    task = driver.task(task_id)
    assert (task.status, task.failures, task.crashes, task.attempts) == ("pending", 0, 0, 1)
    assert task.due_at == task.updated_at
    assert [(a.outcome, a.code) for a in driver.attempts(task_id)] == [("waiting", "jira_down")]


def test_running_goes_back_to_pending_without_an_attempt_when_the_drain_ran_out_of_time(
    driver: TaskDriver,
) -> None:
    task_id = driver.create()
    assert driver.run(sync_settle.hand_back, driver.claim()) == 1
    task = driver.task(task_id)
    assert (task.status, task.attempts) == ("pending", 0)
    assert len(driver.claim()) == 1


def test_running_goes_back_to_pending_with_a_crash_counted_when_its_lease_ran_out(
    driver: TaskDriver,
) -> None:
    task_id = driver.create()
    driver.claim(lease_seconds=0)
    assert driver.sweep() == 1
    task = driver.task(task_id)
    assert (task.status, task.crashes, task.failures) == ("pending", 1, 0)
    assert [a.outcome for a in driver.attempts(task_id)] == ["crashed"]


def test_a_task_with_two_crashes_is_claimed_alone_and_fails_at_the_third_lease_lost_alone(
    driver: TaskDriver,
) -> None:
    task_id = driver.create()
    for _ in range(2):
        driver.claim(lease_seconds=0)
        driver.sweep()
    assert driver.claim() == []
    for left in (2, 1, 0):
        assert [c.task_id for c in driver.claim_quarantined(lease_seconds=0)] == [task_id]
        driver.sweep()
        assert driver.task(task_id).status == ("pending" if left else "failed")
    task = driver.task(task_id)
    assert task.error_code == "crashed"
    assert "PI-42" in (task.error_message or "")


@pytest.mark.parametrize("source", [Source.WEBHOOK, Source.POLL])
@pytest.mark.parametrize("state", ["pending", "running", "failed"])
def test_a_webhook_or_poll_that_brings_the_ticket_fills_every_open_task(
    driver: TaskDriver, state: str, source: Source
) -> None:
    task_id = driver.create()
    claims = driver.claim() if state != "pending" else []
    if state == "failed":
        driver.fail(claims)
    driver.bring(ticket(), source=source)
    task = driver.task(task_id)
    assert (task.status, task.source, task.error_code) == ("filled", source.value, None)
    if state == "running":
        assert driver.fail(claims) == 0
        assert driver.task(task_id).status == "filled"


def test_pending_becomes_failed_when_the_ticket_is_announced_as_deleted(driver: TaskDriver) -> None:
    task_id = driver.create()
    assert driver.run(sync_tasks.fail_deleted, [task_id], worker="w") == 1
    task = driver.task(task_id)
    assert (task.status, task.error_code) == ("failed", "ticket_deleted")


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_retry_makes_failed_and_cancelled_tasks_due_now(driver: TaskDriver, state: str) -> None:
    task_id = driver.create()
    if state == "failed":
        driver.fail(driver.claim())
    else:
        driver.run(sync_tasks.cancel, [task_id])
    assert driver.run(sync_tasks.retry, [task_id]) == 1
    task = driver.task(task_id)
    assert (task.status, task.error_code, task.error_message) == ("pending", None, None)
    assert len(driver.claim()) == 1


@pytest.mark.parametrize("state", ["pending", "running", "filled"])
def test_a_retry_leaves_every_other_state_alone(driver: TaskDriver, state: str) -> None:
    task_id = driver.create()
    claims = driver.claim() if state != "pending" else []
    if state == "filled":
        driver.bring(ticket(), claims=claims)
    assert driver.run(sync_tasks.retry, [task_id]) == 0
    assert driver.task(task_id).status == state


@pytest.mark.parametrize("state", ["pending", "running", "failed"])
def test_a_cancelled_task_can_never_write_afterwards(driver: TaskDriver, state: str) -> None:
    task_id = driver.create()
    claims = driver.claim() if state != "pending" else []
    if state == "failed":
        driver.fail(claims)
    assert driver.run(sync_tasks.cancel, [task_id]) == 1
    assert driver.bring(ticket(), claims=claims) == 0
    assert driver.bring(ticket(), source=Source.WEBHOOK) == 0
    assert driver.task(task_id).status == TaskStatus.CANCELLED
    assert driver.job_of(task_id).jira_filled_at is None


def test_the_task_of_a_deleted_job_stays_and_is_cancelled_for_good(driver: TaskDriver) -> None:
    task_id = driver.create()
    job_id = driver.task(task_id).job_id
    with begin(driver.engine) as session:
        lock_jobs(session, [job_id])
        jobs.delete(session, job_id)
    task = driver.task(task_id)
    assert (task.status, task.error_code, task.job_id) == ("cancelled", "job_deleted", job_id)
    assert driver.run(sync_tasks.retry, [task_id]) == 0


def test_a_worker_that_lost_its_lease_cannot_finish_the_task(driver: TaskDriver) -> None:
    task_id = driver.create()
    lost = driver.claim(lease_seconds=0)
    driver.sweep()
    assert driver.bring(ticket(), claims=lost) == 0
    held = driver.claim()
    assert driver.fail(lost) == 0
    assert driver.bring(ticket(), claims=lost) == 0
    assert driver.task(task_id).status == "running"
    assert driver.bring(ticket(), claims=held) == 1


def test_one_read_fills_every_job_that_waits_for_the_ticket(driver: TaskDriver) -> None:
    first = driver.create()
    held = driver.claim()
    second = driver.create()
    assert driver.bring(ticket(), claims=held) == 2
    assert {driver.task(t).status for t in (first, second)} == {"filled"}


def test_a_moved_ticket_fills_the_job_that_names_its_old_key(driver: TaskDriver) -> None:
    task_id = driver.create("PI-42")
    with begin(driver.engine) as session:
        moved = ticket("OPS-7", issue_id="10042")
        held = leases.claim(session, lease_seconds=60)
        ingest(session, [("PI-42", moved)], source=Source.API, worker="w", claims=held)
    job = driver.job_of(task_id)
    assert (job.jira_ticket_key, job.jira_issue_id) == ("PI-42", "10042")
    later = driver.create("PI-42")
    driver.bring(moved, source=Source.WEBHOOK)
    assert driver.task(later).status == "pending", "a key of the past fills nothing"


def test_an_older_reading_changes_neither_our_copy_nor_what_jobs_are_filled_with(
    driver: TaskDriver,
) -> None:
    new = ticket(updated_at=datetime(2024, 2, 1, tzinfo=UTC), summary="new")
    old = ticket(updated_at=datetime(2024, 1, 1, tzinfo=UTC), summary="old")
    task_id = driver.create()
    driver.run(lambda s: sync_tasks.cancel(s, [task_id]))
    driver.bring(new, source=Source.POLL)
    driver.run(lambda s: sync_tasks.retry(s, [task_id]))
    driver.bring(old, source=Source.WEBHOOK)
    assert driver.job_of(task_id).jira_ticket_summary == "new"
    assert driver.run(lambda s: s.get_one(TicketCopy, (site_id(s), "10042")).summary) == "new"
