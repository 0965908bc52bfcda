"""Sync tasks as operators look at them: the list with its filters, and the page of one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Response, request
from sqlalchemy.orm import Session

from api.dashboard.kit import task_addresses, words
from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.dashboard.kit.task_addresses import ListRequest
from api.runtime import current_runtime
from shared.database.freshness import Topic
from shared.errors import NotFoundError
from shared.jobs import queries
from shared.states import FailureCode, Source, TaskStatus
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync.queries import Sort, TaskView

PAGE = 50
MOST_COUNTED = 1000
"""A list says how many match up to here; what is done to all of them counts them all."""

pages = Pages("tasks", __name__)


class Column(NamedTuple):
    """The head of a column that a list can be ordered by."""

    title: str
    address: str
    direction: str | None


@pages.page("/tasks")
def tasks() -> Response:
    """The list."""
    asked = task_addresses.read(request.args, now=current_runtime().clock.now())
    return show_live(
        "tasks", Topic.TASKS, Topic.JOBS, Topic.JIRA, read=lambda s: _list(s, asked), asked=asked
    )


def _list(session: Session, asked: ListRequest) -> dict[str, Any]:
    found = task_queries.page(
        session, asked.wanted, limit=PAGE + 1, sort=asked.sort, after=asked.after
    )
    rows, more = found[:PAGE], len(found) > PAGE
    counts = sync_summary.counts(session)
    return {
        "rows": rows,
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
        "matching": task_queries.count(session, asked.wanted, most=MOST_COUNTED + 1),
        "most": MOST_COUNTED,
        "next": _next(asked, rows[-1]) if more else None,
        "first": asked.address() if asked.after else None,
        "tabs": list(_tabs(asked, counts)),
        "columns": _columns(asked),
        "causes": [(code.value, words.CAUSE[code].title) for code in FailureCode],
        "sources": [(source.value, words.SOURCE[source]) for source in Source],
        "times": [(value, title) for value, (title, _) in task_addresses.WITHIN.items()],
    }


def _next(asked: ListRequest, last: TaskView) -> str:
    place = task_queries.place_of(last, asked.sort)
    return asked.address(cursor=task_addresses.cursor(place))


def _tabs(
    asked: ListRequest, counts: dict[TaskStatus, int]
) -> Iterator[tuple[str, str, int | None, bool]]:
    chosen = asked.given.get("status")
    total = None if asked.narrowed else sum(counts.values())
    yield "All", asked.address(status=None), total, chosen is None
    for status in TaskStatus:
        count = None if asked.narrowed else counts[status]
        title, address = words.STATUS[status], asked.address(status=status.value)
        yield title, address, count, chosen == status.value


def _columns(asked: ListRequest) -> dict[str, Column]:
    made = _column(asked, "Created", newest=Sort.NEWEST, oldest=Sort.OLDEST)
    return {
        "created": made,
        "changed": _column(asked, "Changed", newest=Sort.CHANGED, oldest=Sort.UNCHANGED),
    }


def _column(asked: ListRequest, title: str, *, newest: Sort, oldest: Sort) -> Column:
    directions = {newest: "descending", oldest: "ascending"}
    other = oldest if asked.sort is newest else newest
    return Column(title, asked.address(sort=other.value), directions.get(asked.sort))


@pages.page("/tasks/<task_id>")
def task(task_id: str) -> Response:
    """One task: what happened to it, and what happens next."""
    return show_live("task", Topic.TASKS, Topic.JOBS, Topic.JIRA, read=lambda s: _one(s, task_id))


def _one(session: Session, task_id: str) -> dict[str, Any]:
    found = task_queries.one(session, task_id)
    if found is None:
        raise NotFoundError(task_queries.KIND, task_id)
    return {
        "task": found,
        "job": queries.job_view(session, found.job_id),
        "attempts": list(reversed(task_queries.attempts_of(session, task_id))),
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
    }
