"""Creating and linking jobs: the one use case of the API's routes and of the dashboard's form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import ConflictError, Kind, NotFoundError
from shared.fill import from_copy
from shared.ids import Prefix, new_id
from shared.jobs import queries
from shared.jobs.job import JobDraft, JobRow, JobView, TaskRow
from shared.models import FIELDS_OF_TICKET, JIRA_FIELDS
from shared.states import TaskStatus
from shared.sync import pauses
from shared.sync import tasks as sync_tasks
from shared.sync.pauses import Pause


def no_site(_session: Session) -> int | None:
    """No site's copies count."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How jobs get their Jira fields.

    ``fresh_seconds`` is JIRA_COPY_FRESH_SECONDS: a copy of a ticket that was read within that
    time fills a job at once; 0: never. ``allowed`` are the only projects whose copies do that;
    empty: all. ``site`` reads the site whose copies count. ``pause`` reads the pause in force, to
    be shown.
    """

    fresh_seconds: int = 0
    allowed: tuple[str, ...] = ()
    site: Callable[[Session], int | None] = no_site
    pause: Callable[[Session], Pause | None] = pauses.current


def create_jobs(
    session: Session,
    drafts: Sequence[JobDraft],
    *,
    filling: Filling,
    request_id: str | None = None,
) -> list[JobView]:
    """Store jobs and, where the ticket has fields left to fill, their sync tasks.

    Answers in the order given. Notify the workers after the commit if one of the jobs is ``due``.
    """
    views = _stored(session, drafts, request_id=request_id)
    return _filled_at_once(session, views, filling)


def link_job(
    session: Session,
    job_id: str,
    *,
    ticket_key: str,
    filling: Filling,
    request_id: str | None = None,
) -> JobView:
    """Link a job that has no ticket; its sync task is written where a field is left to fill.

    Of two requests at once one wins; the other raises ConflictError ``Job is already linked to
    PI-42``. Raises NotFoundError. Notify the workers after the commit if the job is ``due``.
    """
    linked = session.execute(_LINK, {"id": job_id, "key": ticket_key}).one_or_none()
    if linked is None:
        raise _not_linked(session, job_id)
    if linked.to_fill:
        sync_tasks.open_task(session, job_id=job_id, ticket_key=ticket_key, request_id=request_id)
    view = queries.job_views(session, [job_id])[job_id]
    return _filled_at_once(session, [view], filling)[0]


_COLUMNS = ", ".join(
    (
        "id",
        "name",
        "goal_quantity",
        *(field.column for field in JIRA_FIELDS),
        "name_from_ticket",
        "quantity_from_ticket",
        "client_fields",
    )
)
_UNFILLED = f"num_nulls({', '.join(field.column for field in FIELDS_OF_TICKET)})"
# Jobs and tasks in one statement: a create costs one round trip inside its transaction. A job
# whose Jira fields are all given is filled from the start.
_CREATE = text(f"""
WITH task AS (
    INSERT INTO sync_tasks (id, job_id, ticket_key, request_id)
    SELECT id, job_id, ticket_key, CAST(:request_id AS text)
    FROM jsonb_populate_recordset(CAST(NULL AS sync_tasks), CAST(:tasks AS jsonb))
)
INSERT INTO jobs ({_COLUMNS}, jira_filled_at)
SELECT {_COLUMNS},
    CASE WHEN jira_ticket_key IS NOT NULL AND {_UNFILLED} = 0 THEN now() END
FROM jsonb_populate_recordset(CAST(NULL AS jobs), CAST(:jobs AS jsonb))
RETURNING created_at
""")  # noqa: S608  constants alone
_LINK = text(f"""
UPDATE jobs SET
    jira_ticket_key = :key,
    jira_filled_at = CASE WHEN {_UNFILLED} = 0 THEN now() END,
    version = version + 1,
    updated_at = GREATEST(now(), updated_at + interval '1 millisecond')
WHERE id = :id AND jira_ticket_key IS NULL
RETURNING jira_filled_at IS NULL AS to_fill
""")  # noqa: S608  constants alone
_KEY = text("SELECT jira_ticket_key FROM jobs WHERE id = :id")


def _stored(
    session: Session, drafts: Sequence[JobDraft], *, request_id: str | None
) -> list[JobView]:
    jobs = [_job(draft) for draft in drafts]
    tasks = {job["id"]: _task(job) for job in jobs if _has_fields_to_fill(job)}
    values = {
        "jobs": orjson.dumps(jobs).decode(),
        "tasks": orjson.dumps(list(tasks.values())).decode(),
        "request_id": request_id,
    }
    # All rows of one transaction have the same moment.
    now: datetime | None = session.scalars(_CREATE, values).first()
    return [_view(job, tasks.get(job["id"]), now) for job in jobs] if now else []


def _job(draft: JobDraft) -> dict[str, Any]:
    """The row of a new job; absent columns are null."""
    values = {name: getattr(draft, name) for name in JobDraft.__slots__}
    row = {name: value for name, value in values.items() if value is not None}
    given = [field.column for field in JIRA_FIELDS if field.column in row]
    return {**row, "id": new_id(Prefix.JOB), "client_fields": given}


def _has_fields_to_fill(job: dict[str, Any]) -> bool:
    """Whether a ticket is named and any other Jira field is left to it."""
    return "jira_ticket_key" in job and len(job["client_fields"]) < len(JIRA_FIELDS)


def _task(job: dict[str, Any]) -> dict[str, str]:
    return {"id": new_id(Prefix.SYNC), "job_id": job["id"], "ticket_key": job["jira_ticket_key"]}


def _view(job: dict[str, Any], task: dict[str, str] | None, now: datetime) -> JobView:
    """What was stored, without asking the database again."""
    values = {**job, "version": 1, "created_at": now, "updated_at": now}
    row = JobRow._make(values.get(name) for name in JobRow._fields)
    if task is None:
        return JobView(row, None)
    return JobView(row, TaskRow(task["id"], TaskStatus.PENDING, 0, now, *(None,) * 4))


def _not_linked(session: Session, job_id: str) -> ConflictError | NotFoundError:
    row = session.execute(_KEY, {"id": job_id}).one_or_none()
    if row is None:
        return NotFoundError(Kind.JOB, job_id)
    return ConflictError(f"Job is already linked to {row.jira_ticket_key}")


def _filled_at_once(session: Session, views: Sequence[JobView], filling: Filling) -> list[JobView]:
    """These jobs, filled from fresh copies where that is allowed; the others with the pause."""
    waiting = [view.job.id for view in views if view.task is not None]
    filled = _filled_from_copy(session, waiting, filling)
    again = queries.job_views(session, filled)
    found = [again.get(view.job.id, view) for view in views]
    if not any(view.due for view in found):
        return found
    pause = filling.pause(session)
    return [replace(view, pause=pause) for view in found]


def _filled_from_copy(session: Session, job_ids: Sequence[str], filling: Filling) -> set[str]:
    if not filling.fresh_seconds or not job_ids:
        return set()
    return from_copy.fill_fresh(
        session,
        job_ids,
        site_id=filling.site(session),
        fresh_seconds=filling.fresh_seconds,
        allowed=filling.allowed,
    )
