"""Many jobs in one call."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.creation.idempotent_create import CreateHeaders, CreateResult, create_once
from api.creation.new_jobs import create_jobs
from api.http import json_body
from api.http.errors import refusal_body
from api.http.parameters import checked
from api.http.responses import json_answer
from api.rest.resource import JOBS, Resource
from api.schemas.jobs import BulkCreate, JobCreate, JobCreated, JobOut, JobsCreated
from shared.errors import InvalidInputError
from shared.jobs.job import JobDraft, JobView

resource = Resource("bulk", prefix="/api/jobs/bulk", access=JOBS, about="Many jobs in one call.")


@resource.route("POST", {207: JobsCreated}, refusals=(422,), body_limit=json_body.BULK_BODY_BYTES)
def create(header: CreateHeaders, body: BulkCreate) -> Response:
    """Create many jobs: valid entries are stored even where others are not."""
    entries = [_checked(entry) for entry in body.jobs]
    drafts = [found for found in entries if isinstance(found, JobDraft)]
    if not drafts:
        return _answer(entries, [])

    def work(session: Session) -> CreateResult:
        views = create_jobs(session, drafts)
        return CreateResult(_answer(entries, views), due=any(view.due for view in views))

    return create_once(header, work)


def _checked(entry: Any) -> JobDraft | InvalidInputError:
    try:
        if not isinstance(entry, dict):
            return InvalidInputError("Each job must be a JSON object")
        json_body.check_texts(entry)
        return checked(JobCreate, entry).draft()
    except InvalidInputError as error:
        return error


def _answer(entries: list[JobDraft | InvalidInputError], made: list[JobView]) -> Response:
    stored = iter(made)
    results = [
        JobCreated(status=400, error=refusal_body(found))
        if isinstance(found, InvalidInputError)
        else JobCreated(status=201, job=JobOut.of(next(stored)))
        for found in entries
    ]
    failed = len(entries) - len(made)
    return json_answer(JobsCreated(results=results, created=len(made), failed=failed), status=207)
