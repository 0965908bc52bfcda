"""How the fill of a job stands, and the reasons that are given with it."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.schemas.answers import Answer, Timestamp
from shared.jobs.job import JobRow, TaskRow
from shared.models import JIRA_FIELDS
from shared.states import Source, TaskStatus
from shared.sync.pauses import Pause
from shared.sync.queries import TaskView


class Reason(Answer):
    """A stable code and its plain words."""

    code: str
    message: str

    @classmethod
    def of(cls, code: str | None, message: str | None) -> Self | None:
        """Why a task ended; None where it has no reason. A cancelled one has words alone."""
        if code is None and message is None:
            return None
        return cls(code=code or "cancelled", message=message or "")


class Note(Answer):
    """Why a field stays empty although the ticket has a value for it."""

    field: str = Field(examples=["jiraPartNumber"])
    message: str = Field(
        examples=["Jira's value of customfield_1 cannot be read: an object with id and no text."]
    )


_NAMES = {field.column: field.name for field in JIRA_FIELDS}


def notes_of(row: JobRow | TaskView) -> list[Note] | None:
    """The notes of a job on its Jira fields; None if there are none."""
    notes = row.fill_notes or ()
    return [Note(field=_NAMES[n["field"]], message=n["message"]) for n in notes] or None


class JiraSync(Answer):
    """How the fill of a job's Jira fields stands."""

    status: TaskStatus
    task_id: str = Field(examples=["sync_01h455vb4pex5vsknk084sn02q"])
    attempts: int = Field(ge=0)
    next_attempt_at: Timestamp | None = Field(None, description="Pending, once it has been tried.")
    waiting_for: Reason | None = Field(None, description="Pending: what holds it up.")
    filled_at: Timestamp | None = None
    source: Source | None = Field(None, description="Filled: what brought the ticket.")
    error: Reason | None = Field(None, description="Failed: why.")
    notes: list[Note] | None = Field(
        None, description="Filled: values of the ticket that could not be read."
    )

    @classmethod
    def of(cls, task: TaskRow, pause: Pause | None, *, notes: list[Note] | None = None) -> Self:
        """The state of a sync task; ``pause`` is the pause in force, if there is one."""
        values: dict[str, object] = {"notes": notes}
        if task.status == TaskStatus.PENDING:
            values["next_attempt_at"] = next_attempt(task, pause)
            values["waiting_for"] = None if pause is None else Reason.from_row(pause)
        elif task.status == TaskStatus.FILLED:
            values |= {"filled_at": task.filled_at, "source": task.source}
        elif task.status == TaskStatus.FAILED:
            values["error"] = Reason.of(task.error_code, task.error_message)
        return cls(task_id=task.id, status=task.status, attempts=task.attempts, **values)


def next_attempt(task: TaskRow | TaskView, pause: Pause | None) -> datetime | None:
    """When a pending task is tried again.

    None before its first attempt, and in a pause that only a person or new credentials end.
    """
    if not task.attempts or (pause is not None and pause.until is None):
        return None
    return max(task.due_at, pause.until) if pause and pause.until else task.due_at
