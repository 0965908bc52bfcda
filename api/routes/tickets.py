"""Jira's tickets from our own copy, and the drift of jobs; none of this calls Jira."""

from collections.abc import Sequence
from http import HTTPMethod
from typing import Any

from flask import Response

from api.http.pagination import listed
from api.http.resource import ListOf, Resource
from api.http.responses import json_answer
from api.runtime import current_runtime, transaction
from api.schemas.job_representations import present
from api.schemas.jobs import JobPath
from api.schemas.tickets import DriftOut, TicketOut, TicketPath, TicketQuery
from shared.clock import iso_millis
from shared.database.engine import begin
from shared.errors import NotFoundError
from shared.jobs import store as jobs
from shared.states import Scope
from shared.tickets import drift
from shared.tickets import queries as ticket_queries
from shared.tickets.drift import DRIFT_WORDS, Drift, DriftState
from shared.tickets.queries import TicketRow

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
    engine, only = current_runtime().engine, query.only()

    def fetch(count: int, before: str | None) -> Sequence[TicketRow]:
        with begin(engine) as session:
            return ticket_queries.page(session, only, limit=count, before=before)

    browse = current_runtime().settings.browse_url
    return listed(
        fetch,
        limit=query.limit,
        after=query.cursor,
        show=lambda row: ticket_json(row, browse_url=browse),
        key=lambda row: row.issue_id,
    )


@resource.route(HTTPMethod.GET, "/<key>", access=Scope.JOBS_READ, answers={200: TicketOut})
def read(path: TicketPath) -> Response:
    """Read one ticket by a key it has or had."""
    with transaction() as session:
        row = ticket_queries.one(session, path.key)
    if row is None:
        raise NotFoundError("Ticket", path.key)
    return json_answer(ticket_json(row, browse_url=current_runtime().settings.browse_url))


@drift_resource.route(
    HTTPMethod.GET, "/<id>/drift", access=Scope.JOBS_READ, answers={200: DriftOut}
)
def read_drift(path: JobPath) -> Response:
    """Compare a job with its ticket, field by field."""
    with transaction() as session:
        found = drift.of_job(session, path.id)
    if found is None:
        raise NotFoundError(jobs.KIND, path.id)
    return json_answer(drift_json(found))


def ticket_json(row: TicketRow, *, browse_url: str) -> dict[str, Any]:
    """A ticket as TicketOut documents it."""
    found = present(
        key=row.key,
        formerKeys=row.former_keys or None,
        summary=row.summary,
        partNumber=row.part_number,
        priority=row.priority,
        epicLink=row.epic_link,
        labels=row.labels or None,
        quantity=row.quantity,
        status=row.status,
        done=row.done,
        url=f"{browse_url}/browse/{row.key}" if browse_url else None,
        source=row.source,
        updatedAt=iso_millis(row.jira_updated_at),
        asOf=iso_millis(row.as_of),
    )
    return found | ({"deletedAt": iso_millis(row.deleted_at)} if row.deleted_at else {})


def drift_json(found: Drift) -> dict[str, Any]:
    """A drift as DriftOut documents it."""
    shown = present(
        jobId=found.job_id,
        ticketKey=found.ticket_key,
        state=found.state.value,
        message=DRIFT_WORDS[found.state],
        movedTo=found.jira_key if found.state is DriftState.MOVED else None,
        deletedAt=iso_millis(found.deleted_at) if found.deleted_at else None,
        asOf=iso_millis(found.as_of) if found.as_of else None,
    )
    fields = [
        present(field=one.field, job=one.job, jira=one.jira, same=one.same) for one in found.fields
    ]
    return shown | {"fields": fields}
