"""Lists, searches and the summary use indexes and read little of a long history."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.clock import SystemClock
from shared.database.engine import begin, make_engine
from shared.health.metrics import SystemCollector
from shared.states import FailureCode, Source, TaskStatus
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync.queries import Sort, TaskFilter
from tests.support.data.history import seed
from tests.support.plans import recorded_queries, rows_read, scans_of_growing_tables
from tests.support.servers import postgres

TASKS = 20_000
NEAR = 200
"""Tasks a search looks through first: as small beside this history as 2 000 beside a long one."""
MOST_READ = 2_000
"""Rows of all tables together that one look may touch, a tenth of the history."""


@pytest.fixture(scope="module")
def history(postgres_uri: str) -> Iterator[Engine]:
    """A long history."""
    with postgres.database(postgres_uri) as dsn:
        engine = make_engine(dsn)
        seed(engine, TASKS)
        yield engine
        engine.dispose()


@pytest.fixture(autouse=True)
def _near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_queries, "_SCANNED_FIRST", NEAR)


def _check(engine: Engine, look: Callable[[Session], Any]) -> None:
    with recorded_queries(engine) as queries, begin(engine) as session:
        look(session)
    scans = scans_of_growing_tables(engine, queries)
    whole = [scan["Relation Name"] for scan in scans if scan["Node Type"] == "Seq Scan"]
    assert whole == []
    by_table = {f"{s['Relation Name']} by {s.get('Index Name')}": rows_read(s) for s in scans}
    assert sum(rows_read(scan) for scan in scans) < MOST_READ, by_table


_THEN = SystemClock().now() - timedelta(days=100)


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize(
    "wanted",
    [
        TaskFilter(),
        TaskFilter(statuses=(TaskStatus.FAILED,)),
        TaskFilter(statuses=(TaskStatus.FILLED,)),
        TaskFilter(statuses=(TaskStatus.FAILED, TaskStatus.CANCELLED)),
        TaskFilter(source=Source.MIRROR),
        TaskFilter(source=Source.WEBHOOK),
        TaskFilter(error_code=FailureCode.NO_PERMISSION),
        TaskFilter(ticket_key="PI-4711"),
        TaskFilter(job_id="job_" + "0" * 22 + "4711"),
        TaskFilter(since=_THEN - timedelta(days=1), until=_THEN),
        TaskFilter(words="housing"),
        TaskFilter(words="PI-4711"),
        TaskFilter(words="impeller"),
        TaskFilter(words="al"),
        TaskFilter(words="g"),
        TaskFilter(words="no ticket", statuses=(TaskStatus.FAILED,)),
    ],
    ids=lambda wanted: "-".join(k for k, v in asdict(wanted).items() if v) or "all",
)
def test_a_page_of_tasks_is_read_by_index_and_touches_few_rows(
    history: Engine, wanted: TaskFilter, sort: Sort
) -> None:
    _check(history, lambda s: task_queries.page(s, wanted, limit=21, sort=sort))


def test_the_summary_follows_the_backlog_and_the_hour(history: Engine) -> None:
    _check(history, sync_summary.summary)


def test_a_scrape_follows_the_backlog_and_the_hour(history: Engine) -> None:
    _check(history, lambda _: list(SystemCollector(history).collect()))


def test_the_attempts_of_a_task_are_found_by_index(history: Engine) -> None:
    _check(history, lambda s: task_queries.attempts_of(s, "sync_" + "0" * 23 + "100"))
