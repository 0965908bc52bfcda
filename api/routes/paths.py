"""Paths: create, read, list those of a job, update, delete."""

from flask import Response
from sqlalchemy.orm import Session

from api.creation.idempotent_create import CreateHeaders, CreateResult, create_once
from api.http.responses import check_if_match, entity_tag, json_answer, no_content
from api.rest.resource import JOBS, ListOf, Resource
from api.runtime import in_transaction, transaction
from api.schemas.jobs import JobPath, UpdateHeaders
from api.schemas.paths import PathCreate, PathDetail, PathOfAddress, PathOut, PathUpdate
from shared.jobs import queries
from shared.production import paths as path_store
from shared.production.paths import PathView

resource = Resource("paths", prefix="/api", access=JOBS, about="Manufacturing routes of jobs.")


@resource.route("POST /paths", {201: PathOut}, refusals=(404, 422))
def create(header: CreateHeaders, body: PathCreate) -> Response:
    """Define a path of a job, with its steps in order."""

    def work(session: Session) -> CreateResult:
        path = path_store.create(session, job_id=body.job_id, draft=body.draft())
        headers = {"Location": f"/api/paths/{path.id}", "ETag": entity_tag(path.version)}
        return CreateResult(json_answer(PathOut.of(path), status=201, headers=headers))

    return create_once(header, work)


@resource.route("GET /paths/<id>", {200: PathDetail})
def read(path: PathOfAddress) -> Response:
    """Read a path with the distribution of its units over the steps.

    The entity tag moves with updates of the path, not with its units.
    """
    with transaction() as session:
        found = path_store.get(session, path.id)
    return json_answer(PathDetail.of(found), headers={"ETag": entity_tag(found.version)})


@resource.route("GET /jobs/<id>/paths", {200: ListOf(PathOut, "The job's paths, oldest first.")})
def read_of_job(path: JobPath) -> Response:
    """List the paths of a job."""
    with transaction() as session:
        found = path_store.paths_of(session, path.id)
        if not found:
            queries.job_view(session, path.id)
    return json_answer([PathOut.of(one) for one in found])


@resource.route("PUT /paths/<id>", {200: PathOut}, refusals=(409, 412), lookup=path_store.get)
def update(path: PathOfAddress, header: UpdateHeaders, body: PathUpdate) -> Response:  # noqa: ARG001  documents If-Match, which check_if_match reads
    """Change a path; what is left out stays. Steps are matched by their `id`."""

    def work(session: Session) -> PathView:
        current = path_store.lock_path(session, path.id)
        check_if_match(current.version)
        return path_store.update(session, current, body.changes())

    changed = in_transaction(work)
    return json_answer(PathOut.of(changed), headers={"ETag": entity_tag(changed.version)})


@resource.route("DELETE /paths/<id>", {204: None}, refusals=(409, 412))
def delete(path: PathOfAddress, header: UpdateHeaders) -> Response:  # noqa: ARG001  documents If-Match, which check_if_match reads
    """Delete a path that never had a serial number."""

    def work(session: Session) -> None:
        current = path_store.lock_path(session, path.id)
        check_if_match(current.version)
        path_store.remove(session, current)

    in_transaction(work)
    return no_content()
