"""Builders of test data with realistic defaults."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from shared.jobs.create import Filling, create_jobs
from shared.jobs.job import JobDraft, JobRow, TaskRow
from shared.tickets.ticket import Ticket


def draft(**changes: Any) -> JobDraft:
    """A request for a job."""
    return JobDraft(**{"name": "JOB-1", "goal_quantity": 5, **changes})


def create_job(session: Session, new_job: JobDraft) -> tuple[JobRow, TaskRow | None]:
    """Store a job and, if a field is left to fill, its sync task; returns both as shown."""
    (view,) = create_jobs(session, [new_job], filling=Filling())
    return view.job, view.task


def ticket(key: str = "PI-42", **changes: Any) -> Ticket:
    """The ticket of spec/create-job.txt."""
    values: dict[str, Any] = {
        "issue_id": str(10_000 + int(key.rpartition("-")[2])),
        "key": key,
        "updated_at": datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        "summary": "Build 50 aluminum housings",
        "part_number": "ALU-HOUSING-7075",
        "priority": "High",
        "epic_link": "PI-10",
        "labels": ("Q1-2024", "rush"),
        "quantity": 50,
    }
    return Ticket(**{**values, **changes})
