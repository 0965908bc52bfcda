"""Read models of the pages about jobs: progress of a list, and who filled which Jira field when."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.models import JIRA_FIELDS, JiraField
from shared.production.progress import percent
from shared.states import TaskStatus

MOST_PRIORITIES = 30
"""Priorities a list offers to choose from; sites have five or so."""


class Made(NamedTuple):
    """How far a job is, in units; ``paths`` is how many it has."""

    paths: int
    completed: int
    goal: int

    @property
    def percent(self) -> float:
        """Completed units in percent of the goal; may exceed 100."""
        return percent(self.completed, goal=self.goal)


_PROGRESS = text("""
SELECT j.id, count(p.id), COALESCE(CAST(sum(p.completed_count) AS bigint), 0), j.goal_quantity
FROM unnest(CAST(:ids AS text[])) AS w(id) JOIN jobs j ON j.id = w.id
LEFT JOIN paths p ON p.job_id = j.id GROUP BY j.id
""")


def progress_of(session: Session, job_ids: Sequence[str]) -> dict[str, Made]:
    """How far these jobs are, by id: a row a path, however many units there are."""
    rows = session.execute(_PROGRESS, {"ids": list(job_ids)})
    return {job_id: Made(*made) for job_id, *made in rows}


# From one value of the index to the next: as many steps as there are values, not rows.
_PRIORITIES = text("""
WITH RECURSIVE known AS (
    (SELECT min(jira_priority) AS name, 1 AS at FROM jobs)
    UNION ALL
    SELECT (SELECT min(j.jira_priority) FROM jobs j WHERE j.jira_priority > k.name), k.at + 1
    FROM known k WHERE k.name IS NOT NULL AND k.at <= :most
)
SELECT name FROM known WHERE name IS NOT NULL LIMIT :most
""")


def priorities(session: Session) -> list[str]:
    """The priorities that jobs have, in order of the alphabet."""
    return list(session.scalars(_PRIORITIES, {"most": MOST_PRIORITIES}))


class Filler(StrEnum):
    """Who filled a Jira field of a job, or why nobody has."""

    CLIENT = "client"
    """It came with the request that made the job."""
    LINK = "link"
    """The key, by a link made later."""
    TICKET = "ticket"
    """The fill took it from the ticket."""
    UNKNOWN = "unknown"
    """Client or ticket: the job is older than the record of it."""
    ABSENT = "absent"
    """The fill found nothing in the ticket."""
    WAITING = "waiting"
    """The fill is still to come."""
    UNFILLED = "unfilled"
    """The fill failed or was cancelled."""
    LEFT_OUT = "left_out"
    """The client left it out, and there is no ticket to take it from."""


class Origin(NamedTuple):
    """One Jira field of a job: its value, who filled it and when.

    ``source`` is what brought the ticket, if the fill took the value from it.
    """

    field: JiraField
    value: Any
    filler: Filler
    at: datetime | None = None
    source: str | None = None


_KEY = JIRA_FIELDS[0]
_COLUMNS = ", ".join(f"j.{field.column}" for field in JIRA_FIELDS)
_FIELDS = text(f"""
SELECT {_COLUMNS}, j.client_fields, j.created_at, j.jira_filled_at,
    t.status, t.source, t.created_at AS task_created_at
FROM jobs j LEFT JOIN sync_tasks t ON t.job_id = j.id WHERE j.id = :id
""")  # noqa: S608  constants alone


def origins(session: Session, job_id: str) -> list[Origin]:
    """The Jira fields of a job and where they come from; empty if the job does not exist."""
    row = session.execute(_FIELDS, {"id": job_id}).one_or_none()
    return [] if row is None else [_origin(row, field) for field in JIRA_FIELDS]


def _origin(row: Row[Any], field: JiraField) -> Origin:
    value = getattr(row, field.column)
    if value is None:
        return Origin(field, None, *_of_absent(row))
    return Origin(field, value, *_of_value(row, field))


def _of_value(row: Row[Any], field: JiraField) -> tuple[Filler, datetime | None, str | None]:
    if field.column in (row.client_fields or ()):
        return Filler.CLIENT, row.created_at, None
    if row.client_fields is None and _is_ambiguous(row, field):
        return Filler.UNKNOWN, None, None
    if row.client_fields is None:
        return Filler.CLIENT, row.created_at, None
    if field == _KEY:
        return Filler.LINK, row.task_created_at or row.jira_filled_at, None
    return Filler.TICKET, row.jira_filled_at, row.source


def _is_ambiguous(row: Row[Any], field: JiraField) -> bool:
    """For a job older than ``client_fields``: a link may have set its key, a fill the rest."""
    return field == _KEY or row.status == TaskStatus.FILLED


def _of_absent(row: Row[Any]) -> tuple[Filler, datetime | None, str | None]:
    if row.jira_ticket_key is None:
        return Filler.LEFT_OUT, None, None
    if row.jira_filled_at is not None:
        return Filler.ABSENT, row.jira_filled_at, row.source
    waiting = row.status in (TaskStatus.PENDING, TaskStatus.RUNNING)
    return (Filler.WAITING if waiting else Filler.UNFILLED), None, None
