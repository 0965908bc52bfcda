"""Builders of the things tests talk about, with believable defaults."""

from datetime import UTC, datetime
from typing import Any

from shared.jobs.store import JobDraft
from shared.tickets.ticket import Ticket


def draft(**changes: Any) -> JobDraft:
    """A job as asked for."""
    return JobDraft(**{"name": "JOB-1", "goal_quantity": 5, **changes})


def ticket(key: str = "PI-42", **changes: Any) -> Ticket:
    """The source document's ticket."""
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
