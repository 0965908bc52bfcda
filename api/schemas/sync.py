"""Sync tasks: requests and answers."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from api.schemas.answers import Answer, Timestamp
from api.schemas.fields import (
    NEXT_PAGE,
    Body,
    IssueKey,
    Limit,
    Moment,
    PathVariables,
    Query,
    Words,
    cursor_of,
    one_of,
    wrong,
)
from api.schemas.jira_sync import Note, Reason, next_attempt, notes_of
from shared.ids import Prefix, looks_like
from shared.states import AttemptOutcome, FailureCode, Source, TaskStatus
from shared.sync.pauses import Pause
from shared.sync.queries import Place, Sort, TaskFilter, TaskView
from shared.tickets.ticket import quantity_unknown

_WORDS = [status.value for status in TaskStatus]
_LISTED = f"^({'|'.join(_WORDS)})(,({'|'.join(_WORDS)}))*$"


def _statuses(value: Any) -> tuple[TaskStatus, ...]:
    """One status, several separated by commas, or an array of them."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(word in _WORDS for word in words):
        raise wrong(f"must be one or more of {', '.join(_WORDS)}, separated by commas")
    return tuple(status for status in TaskStatus if status.value in words)


Statuses = Annotated[
    tuple[TaskStatus, ...],
    BeforeValidator(_statuses),
    WithJsonSchema(
        {"type": "string", "pattern": _LISTED, "examples": ["failed", "failed,cancelled"]}
    ),
]


def cursor_text(place: Place) -> str:
    """Where a page ended, as the text behind a cursor."""
    return f"{place.moment.isoformat()}~{place.task_id}"


def _place(text: str) -> Place:
    moment, _, task_id = text.partition("~")
    place = Place(datetime.fromisoformat(moment), task_id)
    if place.moment.tzinfo is None or not looks_like(Prefix.SYNC, task_id):
        raise ValueError("not what cursor_text wrote")
    return place


class _Filter(BaseModel):
    """Which sync tasks are selected."""

    status: Statuses | None = Field(None, description="In this state, or one of these.")
    job_id: Words | None = Field(None, description="Of this job.")
    ticket_key: IssueKey | None = Field(None, description="For this ticket.")
    source: Annotated[Source, one_of(Source)] | None = Field(
        None, description="Filled by what this brought."
    )
    error_code: Annotated[FailureCode, one_of(FailureCode)] | None = Field(
        None, description="Failed, or ended, for this cause."
    )
    q: Words | None = Field(
        None,
        description="Any part of ticket key, part number, job name or error text; or a whole id "
        "of task or job.",
    )
    since: Moment | None = Field(None, description="Created at this instant or later.")
    until: Moment | None = Field(None, description="Created before this instant.")

    def filters(self) -> TaskFilter:
        """The same for shared.sync.queries."""
        return TaskFilter(
            statuses=self.status or (),
            job_id=self.job_id,
            ticket_key=self.ticket_key,
            source=self.source,
            error_code=self.error_code,
            words=self.q,
            since=self.since,
            until=self.until,
        )


class TaskQuery(Query, _Filter):
    """Which tasks, in which order, and how many."""

    sort: Annotated[Sort, one_of(Sort)] = Field(
        default=Sort.NEWEST, description="`-` is newest first."
    )
    limit: Limit | None = Field(None, description="Page size; without it, all of them, streamed.")
    cursor: Annotated[Place, cursor_of(_place)] | None = NEXT_PAGE


class BulkFilter(Body, _Filter):
    """The list's own filter. An unknown member is refused: without it too much would match."""

    model_config = ConfigDict(extra="forbid")


class BulkRequest(Body):
    """What to retry or cancel; an empty filter matches every task."""

    filter: BulkFilter = Field(examples=[{"errorCode": "no_permission"}])
    dry_run: bool = Field(default=False, description="Count only.")
    reason: Words | None = Field(None, description="Why, for the audit.")


class OneRequest(Query):
    """Why it is done."""

    reason: Words | None = Field(None, description="Why, for the audit.")


class TaskPath(PathVariables):
    """The sync task in the path of the URL."""

    id: str = Field(description="The task's id.", examples=["sync_01h455vb4pex5vsknk084sn02q"])


class TaskOut(Answer):
    """A sync task. What is absent is left out."""

    id: str = Field(examples=["sync_01h455vb4pex5vsknk084sn02q"])
    job_id: str
    job_name: str | None = Field(None, description="Absent where the job was deleted.")
    jira_part_number: str | None = None
    ticket_key: str
    status: TaskStatus
    source: Source | None = Field(None, description="Filled: what brought the ticket.")
    attempts: int = Field(description="How often its ticket was read or its read was refused.")
    failures: int = Field(description="Refusals of Jira for this ticket.")
    crashes: int = Field(description="Leases that expired during a read, since the last retry.")
    next_attempt_at: Timestamp | None = Field(None, description="Pending, once it has been tried.")
    waiting_for: Reason | None = Field(None, description="Pending: what holds it up.")
    claimed_at: Timestamp | None = Field(None, description="Running: since when.")
    error: Reason | None = Field(None, description="Failed or cancelled: why.")
    filled_at: Timestamp | None = None
    notes: list[Note] | None = Field(
        None, description="Filled: values of the ticket that could not be read."
    )
    request_id: str | None = Field(None, description="Of the request that caused it.")
    created_at: Timestamp = Field(examples=["2024-01-15T10:30:00.000Z"])
    updated_at: Timestamp = Field(examples=["2024-01-15T10:30:00.000Z"])

    @classmethod
    def of(cls, task: TaskView, pause: Pause | None, **more: Any) -> Self:
        """A sync task; ``pause`` is the pause in force, ``more`` the members of a fuller answer."""
        pending = task.status == TaskStatus.PENDING
        return cls.from_row(
            task,
            jira_part_number=task.part_number,
            next_attempt_at=next_attempt(task, pause) if pending else None,
            waiting_for=Reason.from_row(pause) if pending and pause else None,
            claimed_at=task.claimed_at if task.status == TaskStatus.RUNNING else None,
            error=Reason.of(task.error_code, task.error_message),
            notes=_notes(task),
            **more,
        )


def _notes(task: TaskView) -> list[Note] | None:
    """The notes on the job's Jira fields, and on its quantity while that is unknown."""
    notes = notes_of(task) or []
    if task.quantity_unread is not None:
        unknown = quantity_unknown(task.quantity_unread)
        notes = [Note(field="goalQuantity", message=unknown), *notes]
    return notes or None


class AttemptOut(Answer):
    """One try to fill a task."""

    started_at: Timestamp
    ended_at: Timestamp
    source: str
    outcome: AttemptOutcome
    code: str | None = None
    message: str | None = None
    worker: str | None = None


class TaskDetail(TaskOut):
    """A sync task with what happened to it."""

    history: list[AttemptOut] = Field(description="Its newest 200 attempts, oldest first.")
