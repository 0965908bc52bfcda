"""Jobs: create, list, read."""

from collections.abc import Iterator
from http import HTTPMethod
from typing import Any

from flask import Response
from sqlalchemy import Engine

from api import runtime
from api.answers import entity_tag, json_answer, streamed_array
from api.representations import job_json
from api.request_ids import request_id
from api.resource import ListOf, Resource
from api.schemas.jobs import JobCreate, JobDetail, JobOut, JobPath
from shared import jobs, queries
from shared.access import Scope
from shared.db import begin
from shared.errors import NotFoundError
from shared.queries import JobView

PAGE = 500
"""Rows of one internal page of a streamed list."""

resource = Resource("jobs", prefix="/api/jobs", about="Production jobs.")


@resource.route(HTTPMethod.POST, access=Scope.JOBS_WRITE, answers={201: JobOut})
def create(body: JobCreate) -> Response:
    """Create a job."""
    job, task = runtime.in_transaction(
        lambda session: jobs.create(session, body.draft(), request_id=request_id())
    )
    if task is not None:
        runtime.ring()
    headers = {"Location": f"/api/jobs/{job.id}", "ETag": entity_tag(job.version)}
    return json_answer(job_json(JobView(job, task)), status=201, headers=headers)


@resource.route(
    HTTPMethod.GET,
    access=Scope.JOBS_READ,
    answers={200: ListOf(JobOut, "Jobs, newest first.")},
)
def read_all() -> Response:
    """List jobs, newest first."""
    return streamed_array(_pages(runtime.runtime().engine))


def _pages(engine: Engine) -> Iterator[list[Any]]:
    before = None
    while True:
        with begin(engine) as session:
            views = queries.jobs_page(session, limit=PAGE, before=before)
        yield [job_json(view) for view in views]
        if len(views) < PAGE:
            return
        before = views[-1].job.id


@resource.route(HTTPMethod.GET, "/<id>", access=Scope.JOBS_READ, answers={200: JobDetail})
def read(path: JobPath) -> Response:
    """Read a job with its paths and progress."""
    with begin(runtime.runtime().engine) as session:
        view = queries.job_view(session, path.id)
    if view is None:
        raise NotFoundError(jobs.KIND, path.id)
    return json_answer(detail_json(view), headers={"ETag": entity_tag(view.job.version)})


def detail_json(view: JobView) -> dict[str, Any]:
    """A job with its paths and progress."""
    progress = {
        "totalGoal": view.job.goal_quantity,
        "totalCompleted": 0,
        "percentComplete": 0,
        "pathProgress": [],
    }
    return job_json(view) | {"paths": [], "progress": progress}
