"""The pages of sync tasks: the list, and one task with its attempts."""

from typing import Any, NamedTuple

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.kit.labels import CAUSE, SOURCE, STATUS
from api.dashboard.kit.list_page import show_list, tabs
from api.dashboard.kit.list_request import ListParameters, ListRequest
from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime
from api.schemas.sync import TaskQuery, cursor_text
from shared.jobs import queries
from shared.states import FailureCode, Source
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync.queries import Sort

TASKS = ListParameters("/tasks", TaskQuery, since="since")
MOST_COUNTED = 1000
"""A list counts the matching tasks up to this number."""

pages = Pages("tasks", __name__)


class Column(NamedTuple):
    """The heading of a column by which the list can be sorted."""

    title: str
    address: str
    direction: str | None


@pages.page("/tasks")
def task_list() -> Response:
    """The list."""
    listing = TASKS.read()
    query, sort = listing.query, listing.query.sort
    return show_list(
        "tasks",
        listing,
        fetch=lambda session, limit: task_queries.page(
            session, query.filters(), limit=limit, sort=sort, after=query.cursor
        ),
        key=lambda task: cursor_text(task_queries.place_of(task, sort)),
        context=lambda session, _rows: _context(session, listing),
    )


def _context(session: Session, listing: ListRequest[TaskQuery]) -> dict[str, Any]:
    narrowed = listing.filters.keys() - {"status"}
    counts = None if narrowed else sync_summary.counts(session)
    return {
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
        "matching": task_queries.count(session, listing.query.filters(), most=MOST_COUNTED + 1),
        "most": MOST_COUNTED,
        "tabs": tabs(listing, "status", STATUS, counts=counts),
        "columns": _columns(listing),
        "causes": [(code.value, CAUSE[code].title) for code in FailureCode],
        "sources": [(source.value, SOURCE[source]) for source in Source],
    }


def _columns(listing: ListRequest[TaskQuery]) -> dict[str, Column]:
    return {
        "created": _column(listing, "Created", newest=Sort.NEWEST, oldest=Sort.OLDEST),
        "changed": _column(listing, "Changed", newest=Sort.CHANGED, oldest=Sort.UNCHANGED),
    }


def _column(listing: ListRequest[TaskQuery], title: str, *, newest: Sort, oldest: Sort) -> Column:
    shown = listing.query.sort
    other = oldest if shown is newest else newest
    address = listing.address(sort=None if other is Sort.NEWEST else other.value)
    return Column(title, address, {newest: "descending", oldest: "ascending"}.get(shown))


@pages.page("/tasks/<task_id>")
def task_page(task_id: str) -> Response:
    """One task: its attempts, and what happens next."""
    return show_live("task", lambda session: _one(session, task_id))


def _one(session: Session, task_id: str) -> dict[str, Any]:
    found = task_queries.get(session, task_id)
    return {
        "task": found,
        "job": queries.job_views(session, [found.job_id]).get(found.job_id),
        "attempts": list(reversed(task_queries.attempts_of(session, task_id))),
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
    }
