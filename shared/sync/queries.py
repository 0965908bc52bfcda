"""Reads of sync tasks for operators: one with its attempts, lists, searches, counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
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
from shared.errors import Kind, NotFoundError
from shared.models import Job, SyncAttempt, SyncTask, table_of
from shared.settings.issue_keys import normal_key
from shared.states import FailureCode, Source, TaskStatus

ATTEMPTS_SHOWN = 200
"""Most attempts that are returned with a task, the newest; ``attempts`` is their total."""
_SCANNED_FIRST = 2000
"""A search scans so many tasks in list order before it uses the trigram indexes.

A frequent word fills a page from them; for a rarer one the indexes are fast.
"""


class Sort(StrEnum):
    """Orders of a list; a minus sorts descending."""

    NEWEST = "-createdAt"
    OLDEST = "createdAt"
    CHANGED = "-updatedAt"
    UNCHANGED = "updatedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """The filters of a list; None does not filter.

    ``words`` is any part of a ticket key, part number, job name or error message, or a whole id of
    a task or job. ``since`` (inclusive) and ``until`` (exclusive) bound the time of creation.
    ``ids`` are those an operator picked.
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
    """A sync task with its job's name and part number; no ``job_name``: the job was deleted."""

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
    quantity_unread: str | None
    fill_notes: Sequence[Mapping[str, str]] | None


class Place(NamedTuple):
    """Where a page ended: the value of the sort column, and the task."""

    moment: datetime
    task_id: str


_T: Table = table_of(SyncTask)
_J: Table = table_of(Job)
_OF_JOB = 4
_OWN = TaskView._fields[:-_OF_JOB]


def place_of(task: TaskView, sort: Sort) -> Place:
    """The place after this task, from which the next page starts."""
    return Place(task.created_at if _is_by_creation(sort) else task.updated_at, task.id)


def get(session: Session, task_id: str) -> TaskView:
    """One task. Raises NotFoundError."""
    row = session.execute(_with_jobs(_T).where(_T.c.id == task_id)).one_or_none()
    if row is None:
        raise NotFoundError(Kind.TASK, task_id)
    return TaskView._make(row)


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
    filters: TaskFilter = EVERYTHING,
    *,
    limit: int,
    sort: Sort = Sort.NEWEST,
    after: Place | None = None,
) -> list[TaskView]:
    """Up to ``limit`` tasks after ``after`` in this order."""
    plan_for_these_values(session)
    if filters.words is not None:
        scan = _scan_first(filters, sort=sort, after=after, limit=limit)
        found = session.execute(scan).all()
        if len(found) >= limit:
            return [TaskView._make(row) for row in found]
    rows = session.execute(_page(filters, sort=sort, after=after, limit=limit))
    return [TaskView._make(row) for row in rows]


def count(session: Session, filters: TaskFilter = EVERYTHING, *, most: int = 10_000) -> int:
    """How many tasks match, counted up to ``most``."""
    plan_for_these_values(session)
    some = matching(filters, select(_T.c.id), most=most).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _page(filters: TaskFilter, *, sort: Sort, after: Place | None, limit: int) -> Select[Any]:
    ids = _ordered(matching(filters, select(_T)), _T, sort=sort, after=after).limit(limit)
    return _in_order(_with_jobs(ids.subquery("t")), sort)


def _scan_first(filters: TaskFilter, *, sort: Sort, after: Place | None, limit: int) -> Select[Any]:
    assert filters.words is not None  # noqa: S101  checked by its only caller
    first = _ordered(select(_T).where(*_conditions(filters)), _T, sort=sort, after=after)
    tasks = first.limit(_SCANNED_FIRST).subquery("t")
    found = _with_jobs(tasks).where(_has_words(filters.words, tasks.c))
    return _in_order(found, sort, tasks).limit(limit)


def matching(filters: TaskFilter, columns: Select[Any], *, most: int | None = None) -> Select[Any]:
    """A selection from ``sync_tasks`` restricted to what the filters match, words included."""
    if filters.words is None:
        return columns.where(*_conditions(filters))
    return columns.where(_T.c.id == _ids_by_words(filters, filters.words, most=most).c.id)


def _conditions(filters: TaskFilter) -> Iterator[ColumnElement[bool]]:
    if filters.ids:
        yield _T.c.id.in_(filters.ids)
    if len(filters.statuses) == 1:
        yield _T.c.status == filters.statuses[0].value
    elif filters.statuses:
        yield _T.c.status.in_([status.value for status in filters.statuses])
    if filters.statuses and TaskStatus.FILLED not in filters.statuses:
        # The predicate of the partial index.
        yield literal_column("sync_tasks.status <> 'filled'", Boolean)
    equal = {
        "job_id": filters.job_id,
        "ticket_key": filters.ticket_key,
        "source": filters.source,
        "error_code": filters.error_code,
    }
    for name, value in equal.items():
        if value is not None:
            yield _T.c[name] == str(value)
    if filters.since is not None:
        yield _T.c.created_at >= filters.since
        yield _T.c.updated_at >= filters.since  # implied; lets a list by change use its index
    if filters.until is not None:
        yield _T.c.created_at < filters.until


def _ids_by_words(filters: TaskFilter, words: str, *, most: int | None) -> Any:
    """Ids of tasks that match the filters and these words: one query for each index.

    ``most`` limits each of them, for a count.
    """
    ids = select(_T.c.id).where(*_conditions(filters))
    searches = [
        ids.join(_J, _J.c.id == _T.c.job_id).where(_job_has_words(words, _J.c)),
        ids.where(_T.c.ticket_key == normal_key(words)),
        ids.where(_T.c.id == words),
        ids.where(_T.c.job_id == words),
        ids.where(contains(words, _T.c.error_message)),
    ]
    if most is not None:
        searches = [select(search.limit(most).subquery()) for search in searches]
    return union(*searches).cte("found").prefix_with("MATERIALIZED")


def _has_words(words: str, tasks: Any) -> ColumnElement[bool]:
    """The same condition on a task joined with its job."""
    return or_(
        _job_has_words(words, _J.c),
        tasks.ticket_key == normal_key(words),
        tasks.id == words,
        tasks.job_id == words,
        contains(words, tasks.error_message),
    )


def _job_has_words(words: str, jobs: Any) -> ColumnElement[bool]:
    return contains(words, jobs.name, jobs.jira_ticket_key, jobs.jira_part_number)


def _is_by_creation(sort: Sort) -> bool:
    return sort in (Sort.NEWEST, Sort.OLDEST)


def _ordered(found: Select[Any], tasks: Any, *, sort: Sort, after: Place | None) -> Select[Any]:
    column = tasks.c.created_at if _is_by_creation(sort) else tasks.c.updated_at
    if after is not None:
        key, place = (
            tuple_(column, tasks.c.id),
            tuple_(literal(after.moment), cast(literal(after.task_id), Text(collation="C"))),
        )
        found = found.where(key < place if sort.value.startswith("-") else key > place)
    return _in_order(found, sort, tasks)


def _in_order(found: Select[Any], sort: Sort, tasks: Any = None) -> Select[Any]:
    columns = found.selected_columns if tasks is None else tasks.c
    column = columns.created_at if _is_by_creation(sort) else columns.updated_at
    if sort.value.startswith("-"):
        return found.order_by(column.desc(), columns.id.desc())
    return found.order_by(column, columns.id)


def _with_jobs(tasks: Any) -> Select[Any]:
    return select(
        *(tasks.c[name] for name in _OWN),
        _J.c.name.label("job_name"),
        _J.c.jira_part_number.label("part_number"),
        _J.c.quantity_unread,
        _J.c.fill_notes,
    ).select_from(tasks.outerjoin(_J, _J.c.id == tasks.c.job_id))
