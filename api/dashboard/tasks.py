"""Sync tasks as operators look at them: the list with its filters, and the page of one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Response, request
from sqlalchemy.orm import Session

from api.dashboard import task_addresses, words
from api.dashboard.live import show_live
from api.dashboard.pages import Pages
from api.dashboard.task_addresses import Asked
from api.runtime import runtime
from shared import queries, sync_summary, task_lists
from shared.errors import NotFoundError
from shared.freshness import Topic
from shared.states import FailureCode, Source, TaskStatus
from shared.task_lists import Sort, TaskView

PAGE = 50
MOST_COUNTED = 1000
"""A list says how many match up to here; what is done to all of them counts them all."""

pages = Pages("tasks")


class Column(NamedTuple):
    """The head of a column that a list can be ordered by."""

    title: str
    address: str
    direction: str | None


@pages.page("/tasks")
def tasks() -> Response:
    """The list."""
    asked = task_addresses.read(request.args, now=runtime().clock.now())
    return show_live(
        "tasks", Topic.TASKS, Topic.JOBS, Topic.JIRA, read=lambda s: _list(s, asked), asked=asked
    )


def _list(session: Session, asked: Asked) -> dict[str, Any]:
    found = task_lists.page(
        session, asked.wanted, limit=PAGE + 1, sort=asked.sort, after=asked.after
    )
    rows, more = found[:PAGE], len(found) > PAGE
    counts = sync_summary.counts(session)
    return {
        "rows": rows,
        "health": sync_summary.jira_health(session, as_of=runtime().clock.now()),
        "matching": task_lists.count(session, asked.wanted, most=MOST_COUNTED + 1),
        "most": MOST_COUNTED,
        "next": _next(asked, rows[-1]) if more else None,
        "first": asked.address() if asked.after else None,
        "tabs": list(_tabs(asked, counts)),
        "columns": _columns(asked),
        "causes": [(code.value, words.CAUSE[code].title) for code in FailureCode],
        "sources": [(source.value, words.SOURCE[source]) for source in Source],
        "times": [(value, title) for value, (title, _) in task_addresses.WITHIN.items()],
    }


def _next(asked: Asked, last: TaskView) -> str:
    place = task_lists.place_of(last, asked.sort)
    return asked.address(cursor=task_addresses.cursor(place))


def _tabs(
    asked: Asked, counts: dict[TaskStatus, int]
) -> Iterator[tuple[str, str, int | None, bool]]:
    chosen = asked.given.get("status")
    total = None if asked.narrowed else sum(counts.values())
    yield "All", asked.address(status=None), total, chosen is None
    for status in TaskStatus:
        count = None if asked.narrowed else counts[status]
        title, address = words.STATUS[status], asked.address(status=status.value)
        yield title, address, count, chosen == status.value


def _columns(asked: Asked) -> dict[str, Column]:
    made = _column(asked, "Created", newest=Sort.NEWEST, oldest=Sort.OLDEST)
    return {
        "created": made,
        "changed": _column(asked, "Changed", newest=Sort.CHANGED, oldest=Sort.UNCHANGED),
    }


def _column(asked: Asked, title: str, *, newest: Sort, oldest: Sort) -> Column:
    directions = {newest: "descending", oldest: "ascending"}
    other = oldest if asked.sort is newest else newest
    return Column(title, asked.address(sort=other.value), directions.get(asked.sort))


@pages.page("/tasks/<task_id>")
def task(task_id: str) -> Response:
    """One task: what happened to it, and what happens next."""
    return show_live("task", Topic.TASKS, Topic.JOBS, Topic.JIRA, read=lambda s: _one(s, task_id))


def _one(session: Session, task_id: str) -> dict[str, Any]:
    found = task_lists.one(session, task_id)
    if found is None:
        raise NotFoundError(task_lists.KIND, task_id)
    return {
        "task": found,
        "job": queries.job_view(session, found.job_id),
        "attempts": list(reversed(task_lists.attempts_of(session, task_id))),
        "health": sync_summary.jira_health(session, as_of=runtime().clock.now()),
    }
