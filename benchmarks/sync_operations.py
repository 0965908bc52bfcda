"""What the summary, the lists, searches, bulk operations and a scrape cost beside a long history.

Run `python -m benchmarks.sync_operations [TASKS]`; the default is a million tasks.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from sqlalchemy import Engine

from shared.accounts.audit import AuditContext
from shared.accounts.credentials import Actor
from shared.clock import SystemClock
from shared.database.engine import begin, make_engine
from shared.health.metrics import SystemCollector
from shared.states import ActorKind, FailureCode, Operation, Source, TaskStatus
from shared.sync import queries as task_queries
from shared.sync import summary as sync_summary
from shared.sync.queries import Sort, TaskFilter
from tests.support.data.bulk import act_on_all, preview
from tests.support.data.history import seed
from tests.support.servers import postgres

ROUNDS = 7
FAILED = (TaskStatus.FAILED,)
_THEN = SystemClock().now() - timedelta(days=100)
LISTS: dict[str, TaskFilter] = {
    "all": TaskFilter(),
    "status=failed": TaskFilter(statuses=FAILED),
    "status=filled": TaskFilter(statuses=(TaskStatus.FILLED,)),
    "source=mirror": TaskFilter(source=Source.MIRROR),
    "source=webhook (none)": TaskFilter(source=Source.WEBHOOK),
    "errorCode": TaskFilter(error_code=FailureCode.NO_PERMISSION),
    "ticketKey": TaskFilter(ticket_key="PI-4711"),
    "until 100 days ago": TaskFilter(until=_THEN),
    "filled in a day, 100 days ago": TaskFilter(
        statuses=(TaskStatus.FILLED,), since=_THEN - timedelta(days=1), until=_THEN
    ),
    "q frequent": TaskFilter(words="housing"),
    "q rare": TaskFilter(words="PI-47111"),
    "q of nothing": TaskFilter(words="impeller"),
    "q part number": TaskFilter(words="ALU-123-"),
    "q error text": TaskFilter(words="no ticket"),
    "q short": TaskFilter(words="Ge"),
    "q rare, status=failed": TaskFilter(words="4700", statuses=FAILED),
}


def main() -> None:
    """Seed, measure, print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with postgres.server() as uri, postgres.database(uri) as dsn:
        engine = make_engine(dsn)
        started = time.perf_counter()
        seed(engine, number)
        print(f"{number} tasks seeded in {time.perf_counter() - started:.0f} s")
        measure(engine)
        engine.dispose()


def measure(engine: Engine) -> None:
    """All figures of one database."""
    _time("summary", lambda: _in(engine, sync_summary.summary))
    _time("metrics", lambda: list(SystemCollector(engine).collect()))
    for name, wanted in LISTS.items():
        for sort in (Sort.NEWEST, Sort.UNCHANGED):
            _time(f"list {name} {sort}", lambda w=wanted, o=sort: _page(engine, w, o))
        _time(f"count {name}", lambda w=wanted: _in(engine, lambda s: task_queries.count(s, w)))
    _time("preview retry of all", lambda: preview(engine, Operation.RETRY, TaskFilter()))
    started = time.perf_counter()
    outcome = act_on_all(
        engine,
        Operation.RETRY,
        TaskFilter(error_code=FailureCode.TICKET_NOT_FOUND),
        context=AuditContext(actor=Actor(ActorKind.COMMAND, "benchmark")),
    )
    print(f"retry of {outcome.changed}: {time.perf_counter() - started:.2f} s")


def _page(engine: Engine, wanted: TaskFilter, sort: Sort) -> Any:
    return _in(engine, lambda s: task_queries.page(s, wanted, limit=51, sort=sort))


def _in(engine: Engine, work: Callable[[Any], Any]) -> Any:
    with begin(engine) as session:
        return work(session)


def _time(name: str, work: Callable[[], Any]) -> None:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    print(f"{name:<45} median {median(taken):8.1f} ms   worst {max(taken):8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
