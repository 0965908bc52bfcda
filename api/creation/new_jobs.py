"""Creating and linking jobs in a request: with its id, and with this process's settings."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from api.http.request_ids import request_id
from api.http.ttl_cache import TTLCache
from api.runtime import Runtime, current_runtime
from shared.jobs import create
from shared.jobs.create import Filling
from shared.jobs.job import JobDraft, JobView
from shared.sync import pauses
from shared.sync.pauses import Pause
from shared.tickets import sites


def create_jobs(session: Session, drafts: Sequence[JobDraft]) -> list[JobView]:
    """``shared.jobs.create.create_jobs`` for this request."""
    return create.create_jobs(session, drafts, filling=_filling(), request_id=request_id())


def link_job(session: Session, job_id: str, *, ticket_key: str) -> JobView:
    """``shared.jobs.create.link_job`` for this request."""
    return create.link_job(
        session, job_id, ticket_key=ticket_key, filling=_filling(), request_id=request_id()
    )


def _filling() -> Filling:
    settings = current_runtime().settings
    return Filling(
        fresh_seconds=settings.jira_copy_fresh_seconds,
        allowed=settings.allowed_projects,
        site=lambda session: sites.current_id(session, settings),
        pause=_recent_pause,
    )


def _recent_pause(session: Session) -> Pause | None:
    """The pause as of a second ago at most: not every create has to ask for it."""
    cache = current_runtime().singleton(_pause_cache)
    return cache.get("", lambda: pauses.current(session))


def _pause_cache(runtime: Runtime) -> TTLCache[Pause | None]:
    return TTLCache(runtime.clock)
