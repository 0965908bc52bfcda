"""The pages of jobs: the list, and one job with everything that is known of it."""

from collections.abc import Iterator
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from api.dashboard.kit.labels import STATUS
from api.dashboard.kit.list_page import show_list, tabs
from api.dashboard.kit.list_request import ListParameters
from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime
from api.schemas.jobs import JobQuery
from shared.jobs import field_origins, queries
from shared.jobs.field_origins import Filler, Origin
from shared.jobs.job import JobView
from shared.production import paths as path_store
from shared.production import progress
from shared.production import queries as serial_queries
from shared.production.queries import SerialFilter
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.tickets import drift, sites
from shared.tickets.drift import Drift, FieldDrift

JOBS = ListParameters("/jobs", JobQuery, since="updatedSince")
UNITS = 20
"""Units that a job's page shows at once."""
FILLERS: dict[Filler, str] = {
    Filler.CLIENT: "The client, with the job",
    Filler.LINK: "A link made later",
    Filler.TICKET: "The ticket",
    Filler.UNKNOWN: "Client or ticket: the job is older than this record",
    Filler.ABSENT: "The ticket has none",
    Filler.WAITING: "Waits for the ticket",
    Filler.UNFILLED: "Not filled",
    Filler.LEFT_OUT: "Left out by the client",
}

pages = Pages("job_pages", __name__)


@pages.page("/jobs")
def job_list() -> Response:
    """The list."""
    listing = JOBS.read()
    filters, before = listing.query.filters(), listing.query.cursor
    return show_list(
        "jobs",
        listing,
        fetch=lambda s, limit: queries.jobs_page(s, limit=limit, before=before, filters=filters),
        key=lambda view: view.job.id,
        context=lambda session, rows: {
            "progress": progress.progress_of_jobs(session, [view.job.id for view in rows]),
            "tabs": tabs(listing, "jiraSync", STATUS),
            "priorities": [(name, name) for name in queries.priorities(session)],
        },
    )


@pages.page("/jobs/<job_id>")
def job_page(job_id: str) -> Response:
    """One job: its Jira fields, its progress, its units."""
    return show_live("job", lambda session: _one(session, job_id))


def _one(session: Session, job_id: str) -> dict[str, Any]:
    view = queries.job_view(session, job_id)
    settings = current_runtime().settings
    site_id, allowed = sites.current_id(session, settings), settings.allowed_projects
    paths = path_store.paths_of(session, job_id)
    now = drift.of_job(session, job_id, site_id=site_id, allowed=allowed)
    return {
        "view": view,
        "job": view.job,
        "task": view.task,
        "fill": task_queries.get(session, view.task.id) if view.task else None,
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
        "drift": now,
        "drift_words": drift.DRIFT_WORDS,
        "fields": list(_fields(session, job_id, now)),
        "fillers": FILLERS,
        "progress": progress.progress_of(session, job_id),
        "paths": paths,
        "bottlenecks": {one.id: progress.bottlenecks(one.route.steps) for one in paths},
        **_units(session, view),
    }


def _fields(
    session: Session, job_id: str, now: Drift | None
) -> Iterator[tuple[str, Origin, FieldDrift | None]]:
    """Each Jira field's title, the origin of its value, and its value in Jira now."""
    theirs = {field.field: field for field in now.fields} if now else {}
    for origin in field_origins.origins(session, job_id):
        yield origin.field.title, origin, theirs.get(origin.field.name)


def _units(session: Session, view: JobView) -> dict[str, Any]:
    """One page of the job's units, in order of their numbers: those after ``?units=``."""
    after = request.args.get("units", "")
    number = serial_queries.number_of(after) if after else None
    found = serial_queries.page(
        session, SerialFilter(job_id=view.job.id), after=number, limit=UNITS + 1
    )
    shown, address = found[:UNITS], f"/jobs/{view.job.id}"
    return {
        "units": shown,
        "units_first": f"{address}#units" if after else None,
        "units_next": f"{address}?units={shown[-1].id}#units" if len(found) > UNITS else None,
    }
