"""Jobs: every statement that changes one."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from shared.errors import ConflictError, NotFoundError
from shared.ids import Prefix, new_id
from shared.models import Job, SyncTask
from shared.production import paths as path_store
from shared.states import TaskStatus
from shared.sync import tasks as sync_tasks

KIND = "Job"
JIRA_FIELDS = (
    "jira_ticket_key",
    "jira_ticket_summary",
    "jira_part_number",
    "jira_priority",
    "jira_epic_link",
    "jira_labels",
)
"""The six write-once columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """A job as asked for: checked and normalised. None is absent; empty labels are a value."""

    name: str
    goal_quantity: int
    jira_ticket_key: str | None = None
    jira_ticket_summary: str | None = None
    jira_part_number: str | None = None
    jira_priority: str | None = None
    jira_epic_link: str | None = None
    jira_labels: tuple[str, ...] | None = None
    name_from_ticket: bool = False
    quantity_from_ticket: bool = False

    def complete(self) -> bool:
        """Whether all six Jira fields are given, so that nothing is left to fill."""
        return self.jira_ticket_key is not None and not self.fields_to_fill()

    def fields_to_fill(self) -> bool:
        """Whether a ticket is named and any of the five other Jira fields is left to it."""
        five = (
            self.jira_ticket_summary,
            self.jira_part_number,
            self.jira_priority,
            self.jira_epic_link,
            self.jira_labels,
        )
        return self.jira_ticket_key is not None and None in five


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """What a client changes in a job; None leaves it as it is."""

    name: str | None = None
    goal_quantity: int | None = None


# Both rows in one statement: a create costs the database one round trip inside its transaction.
_CREATE = text("""
WITH task AS (
    INSERT INTO sync_tasks (id, job_id, ticket_key, request_id)
    SELECT CAST(:task_id AS text), :id, :jira_ticket_key, CAST(:request_id AS text)
    WHERE CAST(:task_id AS text) IS NOT NULL
)
INSERT INTO jobs (id, name, goal_quantity, jira_ticket_key, jira_ticket_summary,
    jira_part_number, jira_priority, jira_epic_link, jira_labels, name_from_ticket,
    quantity_from_ticket, client_fields, jira_filled_at)
VALUES (:id, :name, :goal_quantity, :jira_ticket_key, :jira_ticket_summary,
    :jira_part_number, :jira_priority, :jira_epic_link, :jira_labels, :name_from_ticket,
    :quantity_from_ticket, :client_fields, CASE WHEN :complete THEN now() END)
RETURNING created_at, jira_filled_at
""").bindparams(
    bindparam("jira_labels", type_=ARRAY(Text)), bindparam("client_fields", type_=ARRAY(Text))
)

_CREATE_MANY = text("""
WITH new AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id text, name text,
        goal_quantity int, jira_ticket_key text, jira_ticket_summary text, jira_part_number text,
        jira_priority text, jira_epic_link text, jira_labels jsonb, name_from_ticket boolean,
        quantity_from_ticket boolean, client_fields jsonb, complete boolean, task_id text)
), task AS (
    INSERT INTO sync_tasks (id, job_id, ticket_key, request_id)
    SELECT task_id, id, jira_ticket_key, CAST(:request_id AS text) FROM new
    WHERE task_id IS NOT NULL
)
INSERT INTO jobs (id, name, goal_quantity, jira_ticket_key, jira_ticket_summary,
    jira_part_number, jira_priority, jira_epic_link, jira_labels, name_from_ticket,
    quantity_from_ticket, client_fields, jira_filled_at)
SELECT id, name, goal_quantity, jira_ticket_key, jira_ticket_summary, jira_part_number,
    jira_priority, jira_epic_link,
    CASE WHEN jsonb_typeof(jira_labels) = 'array'
        THEN ARRAY(SELECT jsonb_array_elements_text(jira_labels)) END,
    name_from_ticket, quantity_from_ticket,
    ARRAY(SELECT jsonb_array_elements_text(client_fields)), CASE WHEN complete THEN now() END
FROM new
RETURNING id, created_at, jira_filled_at
""")


def create(
    session: Session, draft: JobDraft, *, request_id: str | None = None
) -> tuple[Job, SyncTask | None]:
    """Store a job and, where something is left to fill, its sync task.

    A job whose six Jira fields are all given is filled from birth: they never change.
    """
    row = _row(draft)
    stored = session.execute(_CREATE, {**row, "request_id": request_id}).one()
    return _made(row, stored.created_at, stored.jira_filled_at, request_id)


def create_many(
    session: Session, drafts: Sequence[JobDraft], *, request_id: str | None = None
) -> list[tuple[Job, SyncTask | None]]:
    """Store many jobs and their sync tasks in one statement; answers in the order given."""
    rows = [_row(draft) for draft in drafts]
    payload = orjson.dumps(rows).decode()
    stored = session.execute(_CREATE_MANY, {"rows": payload, "request_id": request_id})
    by_id = {row.id: row for row in stored}
    return [
        _made(row, by_id[row["id"]].created_at, by_id[row["id"]].jira_filled_at, request_id)
        for row in rows
    ]


_FIELDS = ("name", "goal_quantity", *JIRA_FIELDS[:-1], "name_from_ticket", "quantity_from_ticket")


def _row(draft: JobDraft) -> dict[str, Any]:
    row = {name: getattr(draft, name) for name in _FIELDS}
    row["id"] = new_id(Prefix.JOB)
    row["jira_labels"] = None if draft.jira_labels is None else list(draft.jira_labels)
    row["client_fields"] = [name for name in JIRA_FIELDS if row[name] is not None]
    row["complete"] = draft.complete()
    row["task_id"] = new_id(Prefix.SYNC) if draft.fields_to_fill() else None
    return row


def _made(
    row: dict[str, Any], created_at: Any, filled_at: Any, request_id: str | None
) -> tuple[Job, SyncTask | None]:
    """The stored rows as objects, without asking the database again."""
    values = {name: value for name, value in row.items() if name not in ("complete", "task_id")}
    moments = {"created_at": created_at, "updated_at": created_at, "jira_filled_at": filled_at}
    job = Job(**values, **moments, version=1)
    if row["task_id"] is None:
        return job, None
    task = SyncTask(
        id=row["task_id"],
        job_id=row["id"],
        ticket_key=row["jira_ticket_key"],
        status=TaskStatus.PENDING,
        attempts=0,
        request_id=request_id,
        due_at=created_at,
        created_at=created_at,
    )
    return job, task


# The moment moves in the milliseconds that answers show, also where two changes share one.
_UPDATE = text("""
UPDATE jobs SET
    name = COALESCE(CAST(:name AS text), name),
    goal_quantity = COALESCE(CAST(:goal_quantity AS int), goal_quantity),
    name_from_ticket = name_from_ticket AND CAST(:name AS text) IS NULL,
    quantity_from_ticket = quantity_from_ticket AND CAST(:goal_quantity AS int) IS NULL,
    version = version + 1,
    updated_at = GREATEST(now(), updated_at + interval '1 millisecond')
WHERE id = :id
RETURNING id
""")


def update(session: Session, job_id: str, change: JobChange) -> None:
    """Change name or quantity; ``updated_at`` moves even if nothing did.

    What a client says holds: the fill no longer takes it from the ticket.
    Raises NotFoundError.
    """
    values = {"id": job_id, "name": change.name, "goal_quantity": change.goal_quantity}
    if session.scalar(_UPDATE, values) is None:
        raise NotFoundError(KIND, job_id)


_LINK = text("""
UPDATE jobs SET
    jira_ticket_key = :key,
    jira_filled_at = CASE WHEN num_nulls(jira_ticket_summary, jira_part_number, jira_priority,
        jira_epic_link, jira_labels) = 0 THEN now() END,
    version = version + 1,
    updated_at = GREATEST(now(), updated_at + interval '1 millisecond')
WHERE id = :id AND jira_ticket_key IS NULL
RETURNING jira_filled_at IS NULL AS to_fill
""")
_KEY = text("SELECT jira_ticket_key FROM jobs WHERE id = :id")


def link(session: Session, job_id: str, *, ticket_key: str, request_id: str | None = None) -> bool:
    """Link a job that has no ticket; its sync task is written where something is left to fill.

    Returns whether a task was written. Of two at once one wins; the other raises ConflictError
    ``Job is already linked to PI-42``. Raises NotFoundError.
    """
    linked = session.execute(_LINK, {"id": job_id, "key": ticket_key}).one_or_none()
    if linked is None:
        raise _not_linked(session, job_id)
    if linked.to_fill:
        sync_tasks.open_task(session, job_id=job_id, ticket_key=ticket_key, request_id=request_id)
    return bool(linked.to_fill)


def _not_linked(session: Session, job_id: str) -> ConflictError | NotFoundError:
    row = session.execute(_KEY, {"id": job_id}).one_or_none()
    if row is None:
        return NotFoundError(KIND, job_id)
    return ConflictError(f"Job is already linked to {row.jira_ticket_key}")


_LOCK_VERSION = text("SELECT version FROM jobs WHERE id = :id FOR UPDATE")
_DELETE = text("DELETE FROM jobs WHERE id = :id")


def lock_version(session: Session, job_id: str) -> int:
    """Lock one job until the transaction ends; returns its version. Raises NotFoundError."""
    version = session.scalar(_LOCK_VERSION, {"id": job_id})
    if version is None:
        raise NotFoundError(KIND, job_id)
    return int(version)


class Contents(Enum):
    """What becomes of the paths and serial numbers of a job that is to go."""

    KEEP = auto()
    DELETE = auto()


def delete(session: Session, job_id: str, *, contents: Contents = Contents.KEEP) -> None:
    """Delete a job that ``lock_version`` locked; its sync task is cancelled and never writes again.

    Raises ConflictError where it has paths and these are to be kept. Locks in the one order,
    jobs and then their tasks, so that a fill under way either came before or finds no job.
    """
    if contents is Contents.DELETE:
        path_store.delete_of_job(session, job_id)
    elif paths := path_store.count_paths(session, job_id):
        raise ConflictError(f"Cannot delete job: it has {paths} path(s). Remove all paths first.")
    sync_tasks.cancel_of_deleted_jobs(session, [job_id])
    session.execute(_DELETE, {"id": job_id})


_LOCK = text("SELECT id FROM jobs WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

_FILL = text("""
UPDATE jobs j SET
    jira_ticket_summary = COALESCE(j.jira_ticket_summary, t.summary),
    jira_part_number = COALESCE(j.jira_part_number, t.part_number),
    jira_priority = COALESCE(j.jira_priority, t.priority),
    jira_epic_link = COALESCE(j.jira_epic_link, t.epic_link),
    jira_labels = COALESCE(j.jira_labels, NULLIF(t.labels, '{}')),
    jira_issue_id = t.issue_id,
    jira_filled_at = now(),
    name = CASE WHEN j.name_from_ticket THEN COALESCE(t.summary, j.name) ELSE j.name END,
    goal_quantity = CASE WHEN j.quantity_from_ticket
        THEN COALESCE(t.quantity, j.goal_quantity) ELSE j.goal_quantity END,
    name_from_ticket = false,
    quantity_from_ticket = false,
    version = j.version + 1,
    updated_at = GREATEST(now(), j.updated_at + interval '1 millisecond')
FROM unnest(CAST(:job_ids AS text[]), CAST(:issue_ids AS text[])) AS w(job_id, issue_id)
JOIN tickets t ON t.issue_id = w.issue_id
WHERE j.id = w.job_id AND j.jira_filled_at IS NULL
""")


def lock(session: Session, job_ids: list[str]) -> set[str]:
    """Lock these jobs in the one order everybody uses; returns those that exist."""
    return set(session.scalars(_LOCK, {"ids": job_ids}))


def fill(session: Session, issue_by_job: dict[str, str]) -> None:
    """Fill what is empty in these jobs from our copy of their tickets, once and for ever.

    Write-once (spec/create-job.txt, notes): what the client sent stays, what Jira does not have
    stays absent, a job already filled is not touched.
    """
    session.execute(
        _FILL, {"job_ids": list(issue_by_job), "issue_ids": list(issue_by_job.values())}
    )
