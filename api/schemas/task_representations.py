"""Sync tasks and their summary as JSON."""

from datetime import datetime
from typing import Any

from api.schemas.job_representations import present
from shared.clock import iso_millis
from shared.heartbeats import Part
from shared.models import SyncAttempt
from shared.states import TaskStatus
from shared.sync.pauses import Pause
from shared.sync.queries import TaskView
from shared.sync.summary import Hour, Intake, JiraHealth, Summary


def task_json(task: TaskView, pause: Pause | None) -> dict[str, Any]:
    """A sync task beside its job; ``pause`` is what holds all of them up, if anything."""
    waiting = task.status == TaskStatus.PENDING
    return present(
        id=task.id,
        jobId=task.job_id,
        jobName=task.job_name,
        jiraPartNumber=task.part_number,
        ticketKey=task.ticket_key,
        status=task.status,
        source=task.source,
        attempts=task.attempts,
        failures=task.failures,
        crashes=task.crashes,
        nextAttemptAt=_next_attempt(task, pause) if waiting and task.attempts else None,
        waitingFor=_reason(pause.code, pause.message) if waiting and pause else None,
        claimedAt=_moment(task.claimed_at) if task.status == TaskStatus.RUNNING else None,
        error=_reason(task.error_code, task.error_message),
        filledAt=_moment(task.filled_at),
        requestId=task.request_id,
        createdAt=iso_millis(task.created_at),
        updatedAt=iso_millis(task.updated_at),
    )


def _next_attempt(task: TaskView, pause: Pause | None) -> str | None:
    """Due, and the pause over; unknown where only a person ends it."""
    if pause is None:
        return iso_millis(task.due_at)
    return None if pause.until is None else iso_millis(max(task.due_at, pause.until))


def _reason(code: str | None, message: str | None) -> dict[str, Any] | None:
    if code is None and message is None:
        return None
    return present(code=code or "cancelled", message=message)


def attempt_json(attempt: SyncAttempt) -> dict[str, Any]:
    """One look at the ticket."""
    return present(
        startedAt=iso_millis(attempt.started_at),
        endedAt=iso_millis(attempt.ended_at),
        source=attempt.source,
        outcome=attempt.outcome,
        code=attempt.code,
        message=attempt.message,
        worker=attempt.worker,
    )


def summary_json(found: Summary) -> dict[str, Any]:
    """Everything at a glance."""
    oldest = found.oldest_waiting_at
    parts = {part.name: _part(part) for part in found.parts}
    return present(
        asOf=iso_millis(found.as_of),
        counts={status.value: number for status, number in found.counts.items()},
        oldestWaitingAt=_moment(oldest),
        oldestWaitingSeconds=max(0.0, (found.as_of - oldest).total_seconds()) if oldest else None,
        lastHour=_hour(found.hour),
        failures=[{"code": cause.code, "count": cause.tasks} for cause in found.causes],
        jira=_jira(found.jira),
        webhooks=_intake(found.intake),
        **parts,
    )


def _hour(hour: Hour) -> dict[str, Any]:
    minutes = len(hour.minutes)
    return present(
        filled=hour.filled,
        failed=hour.failed,
        filledPerMinute=round(hour.filled / minutes, 2),
        failedPerMinute=round(hour.failed / minutes, 2),
        medianSeconds=_seconds(hour.median_seconds),
        p99Seconds=_seconds(hour.p99_seconds),
        minutes=[
            {"at": iso_millis(m.at), "filled": m.filled, "failed": m.failed} for m in hour.minutes
        ],
    )


def _jira(jira: JiraHealth) -> dict[str, Any]:
    return present(
        state=jira.state,
        words=jira.words,
        message=jira.message,
        since=_moment(jira.since),
        until=_moment(jira.until),
        lastOkAt=_moment(jira.last_ok_at),
    )


def _part(part: Part) -> dict[str, Any]:
    return present(alive=part.alive, seenAt=_moment(part.seen_at))


def _intake(intake: Intake) -> dict[str, Any]:
    return present(
        waiting=intake.waiting,
        oldestWaitingAt=_moment(intake.oldest_waiting_at),
        receivedLastHour=intake.received_last_hour,
        lastReceivedAt=_moment(intake.last_received_at),
        rejectedToday=intake.rejected_today,
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso_millis(moment)


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
