"""A burst of tasks after a quiet time: moves read few rows, though the statistics know no burst."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from shared.database.engine import begin, make_engine
from shared.states import Source
from shared.sync import leases
from shared.sync import settle as sync_settle
from shared.sync import tasks as sync_tasks
from tests.support.servers import postgres

HISTORY = 50_000
BURST = 5_000
_FILLED = """
INSERT INTO sync_tasks (id, job_id, ticket_key, status, source, filled_at)
SELECT 'sync_a' || i, 'job_a' || i, 'PI-' || i, 'filled', 'api', now()
FROM generate_series(1, :n) AS i
"""
_PENDING = """
INSERT INTO sync_tasks (id, job_id, ticket_key, crashes)
SELECT 'sync_b' || i, 'job_b' || i, 'SHOP-' || i, CASE WHEN i % 2 = 0 THEN 2 ELSE 0 END
FROM generate_series(1, :n) AS i
"""
_EXPIRE_ALL = """
UPDATE sync_tasks SET status = 'running', claimed_at = now(), lease_until = now() - interval '1 h'
WHERE status = 'pending'
"""
_IDS = [f"sync_b{number}" for number in range(1, 101)]
_KEYS = [f"SHOP-{number}" for number in range(1, 101)]


@pytest.fixture(scope="module")
def burst(postgres_uri: str) -> Iterator[Engine]:
    """Many pending tasks that came after the last ANALYZE."""
    with postgres.database(postgres_uri) as dsn:
        engine = make_engine(dsn)
        with begin(engine) as session:
            session.execute(text("ALTER TABLE sync_tasks SET (autovacuum_enabled = off)"))
            session.execute(text(_FILLED), {"n": HISTORY})
            session.execute(text("ANALYZE sync_tasks"))
            session.execute(text(_PENDING), {"n": BURST})
        yield engine
        engine.dispose()


def _statements(session: Session, move: Callable[[Session], Any]) -> list[tuple[str, Any]]:
    """What the move executes; its changes are rolled back."""
    noted: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, values: Any, *_rest: Any) -> None:
        noted.append((statement, values))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        with session.begin_nested() as savepoint:
            move(session)
            savepoint.rollback()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return noted


def _rows_read(node: dict[str, Any]) -> float:
    """Rows of ``sync_tasks`` that the plan has read, those that a condition removed included."""
    own = 0.0
    if node.get("Relation Name") == "sync_tasks" and node["Node Type"] != "ModifyTable":
        names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        own = sum(node.get(name, 0) for name in names) * node["Actual Loops"]
    if "Join Filter" in node:
        own += node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"]
    return own + sum(map(_rows_read, node.get("Plans", ())))


def _read_by(engine: Engine, move: Callable[[Session], Any], *, before: str = "") -> float:
    with begin(engine) as session:
        if before:
            session.execute(text(before))
        total = 0.0
        moves = [one for one in _statements(session, move) if "sync_tasks" in one[0]]
        assert moves, "the move changed no task"
        for statement, values in moves:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            total += _rows_read(
                session.connection().exec_driver_sql(explain, values).scalar()[0]["Plan"]
            )
        session.rollback()
    return total


@pytest.mark.parametrize(
    "move",
    [
        lambda s: leases.claim(s, lease_seconds=60),
        lambda s: leases.claim_quarantined(s, lease_seconds=60),
        lambda s: sync_settle.settle_filled(s, _IDS, source=Source.API, worker="w"),
    ],
    ids=["claim", "claim_quarantined", "settle_filled"],
)
def test_a_move_of_one_batch_reads_about_one_batch(
    burst: Engine, move: Callable[[Session], Any]
) -> None:
    assert _read_by(burst, move) < BURST / 5


@pytest.mark.parametrize(
    ("move", "before"),
    [
        (lambda s: sync_tasks.revive(s, _KEYS), ""),
        (leases.take_back_expired, _EXPIRE_ALL),
    ],
    ids=["revive", "take_back_expired"],
)
def test_a_backlog_is_read_once_for_a_statement_and_not_once_for_each_task(
    burst: Engine, move: Callable[[Session], Any], before: str
) -> None:
    assert _read_by(burst, move, before=before) < 3 * BURST
