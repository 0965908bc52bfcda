"""Jobs: create, list, read, update, delete."""

from flask import Response
from sqlalchemy.orm import Session

from api.creation.idempotent_create import CreateResult, create_once
from api.creation.new_jobs import create_jobs
from api.creation.prefer_wait import WaitingHeaders, wait_for_fill
from api.http.pagination import listed
from api.http.responses import check_if_match, entity_tag, json_answer, no_content
from api.rest.resource import JOBS, ListOf, Resource
from api.runtime import in_transaction, transaction
from api.schemas.jobs import (
    JobCreate,
    JobDeletion,
    JobDetail,
    JobOut,
    JobPath,
    JobQuery,
    JobUpdate,
    Progress,
    UpdateHeaders,
)
from api.schemas.paths import PathOut
from shared.jobs import queries
from shared.jobs import store as jobs
from shared.jobs.job import JobView
from shared.jobs.store import Contents
from shared.production import paths as path_store
from shared.production import progress

resource = Resource("jobs", prefix="/api/jobs", access=JOBS, about="Production jobs.")


@resource.route("POST", {201: JobOut}, refusals=(422,))
def create(header: WaitingHeaders, body: JobCreate) -> Response:
    """Create a job.

    Where a ticket is named and Jira fields are left out, a sync task fills them soon after.
    """
    draft = body.draft()

    def work(session: Session) -> CreateResult:
        (view,) = create_jobs(session, [draft])
        return CreateResult(created_answer(view), due=view.due)

    return wait_for_fill(create_once(header, work), header)


def created_answer(view: JobView) -> Response:
    """201 with a new job, saying where it is."""
    headers = {"Location": f"/api/jobs/{view.job.id}", "ETag": entity_tag(view.job.version)}
    return json_answer(JobOut.of(view), status=201, headers=headers)


@resource.route("GET", {200: ListOf(JobOut, "Jobs, newest first.")})
def read_all(query: JobQuery) -> Response:
    """List jobs, newest first.

    With `limit`, the next page is in the header `Link` with `rel="next"`; without it all jobs
    are streamed.
    """
    filters = query.filters()
    return listed(
        lambda s, count, before: queries.jobs_page(s, filters, limit=count, before=before),
        limit=query.limit,
        after=query.cursor,
        show=JobOut.of,
        key=lambda view: view.job.id,
    )


@resource.route("GET /<id>", {200: JobDetail})
def read(path: JobPath) -> Response:
    """Read a job with its paths and progress."""
    with transaction() as session:
        view = queries.job_view(session, path.id)
        paths = [PathOut.of(one) for one in path_store.paths_of(session, path.id)]
        made = Progress.of(progress.progress_of(session, path.id))
    shown = JobDetail.of(view, paths=paths, progress=made)
    return json_answer(shown, headers={"ETag": entity_tag(view.job.version)})


@resource.route("PATCH /<id>", {200: JobOut}, refusals=(412,), lookup=queries.job_view)
@resource.route("PUT /<id>", {200: JobOut}, refusals=(412,), lookup=queries.job_view)
def update(path: JobPath, header: UpdateHeaders, body: JobUpdate) -> Response:
    """Change a job's name or quantity; what is left out stays, Jira fields never change."""

    def work(session: Session) -> JobView:
        if header.if_match is not None:
            check_if_match(jobs.lock_version(session, path.id))
        jobs.update(session, path.id, body.change())
        return queries.job_view(session, path.id)

    view = in_transaction(work)
    return json_answer(JobOut.of(view), headers={"ETag": entity_tag(view.job.version)})


@resource.route("DELETE /<id>", {204: None}, refusals=(409, 412))
def delete(path: JobPath, query: JobDeletion, header: UpdateHeaders) -> Response:
    """Delete a job; its sync task is cancelled and can never write afterwards."""
    contents = Contents.DELETE if query.cascade else Contents.KEEP

    def work(session: Session) -> None:
        version = jobs.lock_version(session, path.id)
        if header.if_match is not None:
            check_if_match(version)
        jobs.delete(session, path.id, contents=contents)

    in_transaction(work)
    return no_content()
