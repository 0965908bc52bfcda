"""``Prefer: wait=N`` (RFC 7240): a create answers after its fill has ended."""

import re
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response
from pydantic import Field
from sqlalchemy.exc import DBAPIError

from api.creation.fill_watch import FillWatch
from api.creation.idempotent_create import CreateHeaders
from api.http.responses import dump, entity_tag
from api.runtime import current_runtime, transaction
from api.schemas.jobs import JobOut
from shared.errors import DatabaseUnavailableError
from shared.jobs import queries
from shared.logs import get_logger
from shared.states import TaskStatus

log = get_logger(__name__)

MAX_WAIT_SECONDS = 10
_WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?:;.*)?', re.IGNORECASE)
_OPEN = (TaskStatus.PENDING, TaskStatus.RUNNING)


class WaitingHeaders(CreateHeaders):
    """Headers of calls whose answer can wait for the fill."""

    prefer: str | None = Field(
        None,
        alias="Prefer",
        description=f"`wait=N` holds the answer until the fill has ended or N seconds "
        f"({MAX_WAIT_SECONDS} at most) have passed; `Preference-Applied` says that it was applied.",
    )

    def wait_seconds(self) -> int:
        """How long the caller asks to wait; 0 if it does not ask in a form that we know."""
        preferences = (_WAIT.fullmatch(part) for part in (self.prefer or "").split(","))
        found = next((int(match[1]) for match in preferences if match), 0)
        return min(found, MAX_WAIT_SECONDS)


def wait_for_fill(
    answer: Response, header: WaitingHeaders, *, member: str | None = None
) -> Response:
    """The answer to a create, after its fill if the caller asks to wait and few others do.

    The job is the answer itself, or its ``member``. No database connection is held meanwhile.
    """
    seconds = header.wait_seconds()
    if not seconds or answer.status_code not in (HTTPStatus.CREATED, HTTPStatus.OK):
        return answer
    content = orjson.loads(answer.get_data())
    job = content[member] if member else content
    if not _waited(job, seconds):
        return answer
    answer.headers["Preference-Applied"] = f"wait={seconds}"
    return _as_now(answer, job["id"], member)


def _waited(job: dict[str, Any], seconds: int) -> bool:
    sync = job.get("jiraSync", {})
    if sync.get("status") not in _OPEN:
        return True
    return current_runtime().singleton(FillWatch).wait(sync["taskId"], seconds=seconds)


def _as_now(answer: Response, job_id: str, member: str | None) -> Response:
    try:
        with transaction() as session:
            view = queries.job_views(session, [job_id]).get(job_id)
    except (DatabaseUnavailableError, DBAPIError) as error:
        # The job is stored: after an error, the client would create it again.
        log.warning("job_not_read_again", job_id=job_id, error=type(error).__name__)
        return answer
    if view is not None:
        job = JobOut.of(view)
        answer.set_data(dump({member: job} if member else job))
        answer.headers["ETag"] = entity_tag(view.job.version)
    return answer
