"""Deterministic races: one transaction holds a lock, and others queue behind it in order."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared.database.engine import begin
from tests.support.waiting import eventually

_BLOCKED = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


def wait_until_blocked(engine: Engine, count: int) -> None:
    """Return once so many connections wait for a lock of another."""

    def enough() -> bool:
        with begin(engine) as session:
            return (session.scalar(_BLOCKED) or 0) >= count

    eventually(enough)


@contextmanager
def in_the_way(engine: Engine, hold: Callable[[Session], object]) -> Iterator[Session]:
    """A transaction that has done ``hold`` and commits at the end of the block."""
    with begin(engine) as session:
        hold(session)
        yield session


def queued(
    engine: Engine, hold: Callable[[Session], object], *works: Callable[[Session], object]
) -> list[object]:
    """The results of works, each in its own transaction, that all wait behind ``hold``.

    Each is started once the one before it waits, so that they queue in the order given. None is
    tried again: a deadlock would be an outcome.
    """

    def run(work: Callable[[Session], object]) -> object:
        with begin(engine) as session:
            return work(session)

    with ThreadPoolExecutor(len(works)) as pool:
        with in_the_way(engine, hold):
            futures: list[Future[object]] = []
            for work in works:
                futures.append(pool.submit(run, work))
                wait_until_blocked(engine, len(futures))
        outcomes: list[object] = []
        for future in futures:
            try:
                outcomes.append(future.result())
            except Exception as error:  # noqa: BLE001  what became of it is the answer
                outcomes.append(error)
        return outcomes
