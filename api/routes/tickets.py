"""Jira's tickets from our own copy, and the drift of jobs; none of this calls Jira."""

from flask import Response

from api.http.pagination import listed
from api.http.responses import json_answer
from api.rest.resource import JOBS, ListOf, Resource
from api.runtime import current_runtime, transaction
from api.schemas.jobs import JobPath
from api.schemas.tickets import DriftOut, TicketOut, TicketPath, TicketQuery
from shared.errors import Kind, NotFoundError
from shared.tickets import drift, sites
from shared.tickets import queries as ticket_queries

resource = Resource(
    "tickets", prefix="/api/jira/tickets", access=JOBS, about="Jira's tickets, from our own copy."
)
drift_resource = Resource(
    "drift", prefix="/api/jobs", access=JOBS, about="Jobs beside what Jira says now."
)


@resource.route(
    "GET", {200: ListOf(TicketOut, "Tickets, newest first; open ones unless all are asked for.")}
)
def read_all(query: TicketQuery) -> Response:
    """List the tickets of our projects, newest first; `asOf` says how old what we know is."""
    settings = current_runtime().settings
    filters = query.filters(allowed=settings.allowed_projects)
    return listed(
        lambda s, count, before: ticket_queries.page(
            s, filters, site_id=sites.current_id(s, settings), limit=count, before=before
        ),
        limit=query.limit,
        after=query.cursor,
        show=lambda row: TicketOut.of(row, browse_url=settings.browse_url),
        key=lambda row: row.issue_id,
    )


@resource.route("GET /<key>", {200: TicketOut})
def read(path: TicketPath) -> Response:
    """Read one ticket by a key it has or had."""
    settings = current_runtime().settings
    with transaction() as session:
        row = ticket_queries.one(
            session,
            path.key,
            site_id=sites.current_id(session, settings),
            allowed=settings.allowed_projects,
        )
    if row is None:
        raise NotFoundError(Kind.TICKET, path.key)
    return json_answer(TicketOut.of(row, browse_url=settings.browse_url))


@drift_resource.route("GET /<id>/drift", {200: DriftOut})
def read_drift(path: JobPath) -> Response:
    """Compare a job with its ticket, field by field."""
    settings = current_runtime().settings
    with transaction() as session:
        found = drift.of_job(
            session,
            path.id,
            site_id=sites.current_id(session, settings),
            allowed=settings.allowed_projects,
        )
    if found is None:
        raise NotFoundError(Kind.JOB, path.id)
    return json_answer(DriftOut.of(found))
