"""Jira's tickets from our own copy, and the drift of jobs; none of this calls Jira."""

from collections.abc import Sequence
from http import HTTPMethod

from flask import Response

from api.http.pagination import listed
from api.http.responses import json_answer
from api.rest.resource import ListOf, Resource
from api.runtime import current_runtime, transaction
from api.schemas.jobs import JobPath
from api.schemas.tickets import DriftOut, TicketOut, TicketPath, TicketQuery
from shared.database.engine import begin
from shared.errors import Kind, NotFoundError
from shared.states import Scope
from shared.tickets import drift
from shared.tickets import queries as ticket_queries
from shared.tickets.ticket import TicketRow

resource = Resource(
    "tickets", prefix="/api/jira/tickets", about="Jira's tickets, from our own copy."
)
drift_resource = Resource("drift", prefix="/api/jobs", about="Jobs beside what Jira says now.")


@resource.route(
    HTTPMethod.GET,
    access=Scope.JOBS_READ,
    answers={200: ListOf(TicketOut, "Tickets, newest first; open ones unless all are asked for.")},
)
def read_all(query: TicketQuery) -> Response:
    """List the tickets known to us, newest first; `asOf` says how old what we know is."""
    engine, filters = current_runtime().engine, query.filters()

    def fetch(count: int, before: str | None) -> Sequence[TicketRow]:
        with begin(engine) as session:
            return ticket_queries.page(session, filters, limit=count, before=before)

    browse = current_runtime().settings.browse_url
    return listed(
        fetch,
        limit=query.limit,
        after=query.cursor,
        show=lambda row: TicketOut.of(row, browse_url=browse),
        key=lambda row: row.issue_id,
    )


@resource.route(HTTPMethod.GET, "/<key>", access=Scope.JOBS_READ, answers={200: TicketOut})
def read(path: TicketPath) -> Response:
    """Read one ticket by a key it has or had."""
    with transaction() as session:
        row = ticket_queries.one(session, path.key)
    if row is None:
        raise NotFoundError(Kind.TICKET, path.key)
    return json_answer(TicketOut.of(row, browse_url=current_runtime().settings.browse_url))


@drift_resource.route(
    HTTPMethod.GET, "/<id>/drift", access=Scope.JOBS_READ, answers={200: DriftOut}
)
def read_drift(path: JobPath) -> Response:
    """Compare a job with its ticket, field by field."""
    with transaction() as session:
        found = drift.of_job(session, path.id)
    if found is None:
        raise NotFoundError(Kind.JOB, path.id)
    return json_answer(DriftOut.of(found))
