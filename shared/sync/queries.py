"""Read models of sync tasks for operators: one with its attempts, lists, searches, counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.orm import Session

from shared.database.filtering import contains, plan_for_these_values
from shared.models import Job, SyncAttempt, SyncTask, table_of
from shared.states import FailureCode, Source, TaskStatus

ATTEMPTS_SHOWN = 200
"""Attempts a task comes with, the newest; ``attempts`` tells how many there were."""
_NEAR = 2000
"""Tasks in list order that a search looks through before it asks the word index: a frequent word
has a page full among them, and what has not is rare enough for the index to be quick."""


class Sort(StrEnum):
    """Orders of a list; a minus is newest first."""

    NEWEST = "-createdAt"
    OLDEST = "createdAt"
    CHANGED = "-updatedAt"
    UNCHANGED = "updatedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which sync tasks are meant; None asks for nothing.

    ``words`` is any part of a ticket key, part number, job name or error text, or a whole id of
    task or job. ``since`` and ``until`` hold the moment of making: from, and before. ``ids`` are
    those of tasks that somebody picked.
    """

    ids: tuple[str, ...] = ()
    statuses: tuple[TaskStatus, ...] = ()
    job_id: str | None = None
    ticket_key: str | None = None
    source: Source | None = None
    error_code: FailureCode | None = None
    words: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = TaskFilter()


class TaskView(NamedTuple):
    """A sync task beside its job, in the order of the query; no ``job_name``: it was deleted."""

    id: str
    job_id: str
    ticket_key: str
    status: str
    source: str | None
    due_at: datetime
    lease_until: datetime | None
    claimed_at: datetime | None
    failures: int
    crashes: int
    attempts: int
    error_code: str | None
    error_message: str | None
    request_id: str | None
    filled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    job_name: str | None
    part_number: str | None


class Place(NamedTuple):
    """Where a page ended: the sort column's moment, and the task."""

    moment: datetime
    task_id: str


_T: Table = table_of(SyncTask)
_J: Table = table_of(Job)
_OWN = TaskView._fields[:-2]


def place_of(task: TaskView, sort: Sort) -> Place:
    """Where a page that ends with this task is gone on from."""
    return Place(task.created_at if _by_making(sort) else task.updated_at, task.id)


def one(session: Session, task_id: str) -> TaskView | None:
    """One task; None where there is none."""
    row = session.execute(_beside_jobs(_T).where(_T.c.id == task_id)).one_or_none()
    return None if row is None else _view(row)


def attempts_of(session: Session, task_id: str) -> list[SyncAttempt]:
    """The newest attempts of a task, oldest first."""
    newest = (
        select(SyncAttempt)
        .where(SyncAttempt.task_id == task_id)
        .order_by(SyncAttempt.id.desc())
        .limit(ATTEMPTS_SHOWN)
    )
    return list(reversed(session.scalars(newest).all()))


def page(
    session: Session,
    wanted: TaskFilter = EVERYTHING,
    *,
    limit: int,
    sort: Sort = Sort.NEWEST,
    after: Place | None = None,
) -> list[TaskView]:
    """Up to ``limit`` tasks beyond ``after`` in this order."""
    plan_for_these_values(session)
    if wanted.words is not None:
        near = _near(wanted, sort=sort, after=after, limit=limit)
        found = session.execute(near).all()
        if len(found) >= limit:
            return [_view(row) for row in found]
    rows = session.execute(_page(wanted, sort=sort, after=after, limit=limit))
    return [_view(row) for row in rows]


def count(session: Session, wanted: TaskFilter = EVERYTHING, *, most: int = 10_000) -> int:
    """How many tasks match, counted no further than ``most``."""
    plan_for_these_values(session)
    some = _matching(wanted, select(_T.c.id), most=most).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def matching(wanted: TaskFilter, columns: Select[Any]) -> Select[Any]:
    """A selection from ``sync_tasks`` narrowed to what the filter matches, words included."""
    return _matching(wanted, columns)


def _page(wanted: TaskFilter, *, sort: Sort, after: Place | None, limit: int) -> Select[Any]:
    ids = _ordered(_matching(wanted, select(_T)), _T, sort=sort, after=after).limit(limit)
    return _in_order(_beside_jobs(ids.subquery("t")), sort)


def _near(wanted: TaskFilter, *, sort: Sort, after: Place | None, limit: int) -> Select[Any]:
    assert wanted.words is not None  # noqa: S101  its only caller has looked
    first = _ordered(select(_T).where(*_conditions(wanted)), _T, sort=sort, after=after)
    tasks = first.limit(_NEAR).subquery("t")
    found = _beside_jobs(tasks).where(_says(wanted.words, tasks.c))
    return _in_order(found, sort, tasks).limit(limit)


def _matching(wanted: TaskFilter, columns: Select[Any], *, most: int | None = None) -> Select[Any]:
    if wanted.words is None:
        return columns.where(*_conditions(wanted))
    return columns.where(_T.c.id == _named(wanted, wanted.words, most=most).c.id)


def _conditions(wanted: TaskFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.ids:
        yield _T.c.id.in_(wanted.ids)
    if len(wanted.statuses) == 1:
        yield _T.c.status == wanted.statuses[0].value
    elif wanted.statuses:
        yield _T.c.status.in_([status.value for status in wanted.statuses])
    if wanted.statuses and TaskStatus.FILLED not in wanted.statuses:
        # Says it in the words of the partial index.
        yield literal_column("sync_tasks.status <> 'filled'", Boolean)
    equal = {
        "job_id": wanted.job_id,
        "ticket_key": wanted.ticket_key,
        "source": wanted.source,
        "error_code": wanted.error_code,
    }
    for name, value in equal.items():
        if value is not None:
            yield _T.c[name] == str(value)
    if wanted.since is not None:
        yield _T.c.created_at >= wanted.since
        yield _T.c.updated_at >= wanted.since  # follows, and lets a list by change begin there
    if wanted.until is not None:
        yield _T.c.created_at < wanted.until


def _named(wanted: TaskFilter, words: str, *, most: int | None) -> Any:
    """Ids of matching tasks that say these words, each way of saying by its own index.

    Of each way no more than ``most``, where a count goes no further.
    """
    ids = select(_T.c.id).where(*_conditions(wanted))
    ways = [
        ids.join(_J, _J.c.id == _T.c.job_id).where(_job_says(words, _J.c)),
        ids.where(_T.c.ticket_key == words.upper()),
        ids.where(_T.c.id == words),
        ids.where(_T.c.job_id == words),
        ids.where(contains(words, _T.c.error_message)),
    ]
    if most is not None:
        ways = [select(way.limit(most).subquery()) for way in ways]
    return union(*ways).cte("named").prefix_with("MATERIALIZED")


def _says(words: str, tasks: Any) -> ColumnElement[bool]:
    """The same of a task and its job at hand."""
    return or_(
        _job_says(words, _J.c),
        tasks.ticket_key == words.upper(),
        tasks.id == words,
        tasks.job_id == words,
        contains(words, tasks.error_message),
    )


def _job_says(words: str, jobs: Any) -> ColumnElement[bool]:
    return contains(words, jobs.name, jobs.jira_ticket_key, jobs.jira_part_number)


def _by_making(sort: Sort) -> bool:
    return sort in (Sort.NEWEST, Sort.OLDEST)


def _ordered(found: Select[Any], tasks: Any, *, sort: Sort, after: Place | None) -> Select[Any]:
    column = tasks.c.created_at if _by_making(sort) else tasks.c.updated_at
    if after is not None:
        key, place = (
            tuple_(column, tasks.c.id),
            tuple_(literal(after.moment), cast(literal(after.task_id), Text(collation="C"))),
        )
        found = found.where(key < place if sort.value.startswith("-") else key > place)
    return _in_order(found, sort, tasks)


def _in_order(found: Select[Any], sort: Sort, tasks: Any = None) -> Select[Any]:
    columns = found.selected_columns if tasks is None else tasks.c
    column = columns.created_at if _by_making(sort) else columns.updated_at
    if sort.value.startswith("-"):
        return found.order_by(column.desc(), columns.id.desc())
    return found.order_by(column, columns.id)


def _beside_jobs(tasks: Any) -> Select[Any]:
    return select(
        *(tasks.c[name] for name in _OWN),
        _J.c.name.label("job_name"),
        _J.c.jira_part_number.label("part_number"),
    ).select_from(tasks.outerjoin(_J, _J.c.id == tasks.c.job_id))


def _view(row: Row[Any]) -> TaskView:
    return TaskView._make(row)
