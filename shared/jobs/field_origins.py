"""Which Jira field of a job was filled by whom, and when."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.models import JIRA_FIELDS, JiraField
from shared.states import TaskStatus


class Filler(StrEnum):
    """Who filled a Jira field of a job, or why it is empty."""

    CLIENT = "client"
    """It came with the request that created the job."""
    LINK = "link"
    """The key, by a later link."""
    TICKET = "ticket"
    """The fill took it from the ticket."""
    UNKNOWN = "unknown"
    """Client or ticket: the job is older than ``client_fields``."""
    ABSENT = "absent"
    """The fill found nothing in the ticket."""
    WAITING = "waiting"
    """The fill is still to come."""
    UNFILLED = "unfilled"
    """The fill failed or was cancelled."""
    LEFT_OUT = "left_out"
    """The client left it out, and the job has no ticket."""


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
