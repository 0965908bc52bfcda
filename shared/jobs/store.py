"""Jobs: every statement that changes one."""

from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import ConflictError, Kind, NotFoundError
from shared.production import paths as path_store
from shared.sync import tasks as sync_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """What a client changes in a job; None leaves it as it is."""

    name: str | None = None
    goal_quantity: int | None = None


# The moment moves in the milliseconds that answers show, also where two changes share one.
_UPDATE = text("""
UPDATE jobs SET
    name = COALESCE(CAST(:name AS text), name),
    goal_quantity = COALESCE(CAST(:goal_quantity AS int), goal_quantity),
    name_from_ticket = name_from_ticket AND CAST(:name AS text) IS NULL,
    quantity_from_ticket = quantity_from_ticket AND CAST(:goal_quantity AS int) IS NULL,
    quantity_unread = CASE WHEN CAST(:goal_quantity AS int) IS NULL THEN quantity_unread END,
    version = version + 1,
    updated_at = GREATEST(now(), updated_at + interval '1 millisecond')
WHERE id = :id
RETURNING id
""")


def update(session: Session, job_id: str, change: JobChange) -> None:
    """Change name or quantity; ``updated_at`` moves even if nothing did.

    What a client says holds: the fill no longer takes it from the ticket, and a quantity that was
    unknown is settled.
    Raises NotFoundError.
    """
    values = {"id": job_id, "name": change.name, "goal_quantity": change.goal_quantity}
    if session.scalar(_UPDATE, values) is None:
        raise NotFoundError(Kind.JOB, job_id)


_LOCK_VERSION = text("SELECT version FROM jobs WHERE id = :id FOR UPDATE")
_DELETE = text("DELETE FROM jobs WHERE id = :id")


def lock_version(session: Session, job_id: str) -> int:
    """Lock one job until the transaction ends; returns its version. Raises NotFoundError."""
    version = session.scalar(_LOCK_VERSION, {"id": job_id})
    if version is None:
        raise NotFoundError(Kind.JOB, job_id)
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
