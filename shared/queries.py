"""Read models: what lists, pages and answers show, without changing anything."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import pauses
from shared.models import Job, SyncTask
from shared.pauses import Pause


@dataclass(frozen=True, slots=True)
class JobView:
    """A job beside its sync task, if it ever had one, and what holds that up, if anything."""

    job: Job
    task: SyncTask | None
    pause: Pause | None = None


def job_view(session: Session, job_id: str) -> JobView | None:
    """One job as the API and the pages show it; None where there is none."""
    row = session.execute(
        select(Job, SyncTask).outerjoin(SyncTask, SyncTask.job_id == Job.id).where(Job.id == job_id)
    ).one_or_none()
    if row is None:
        return None
    return JobView(row[0], row[1], pauses.current(session))
