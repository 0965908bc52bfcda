"""What queries read: the statements that are executed, their plans, and the rows a plan touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from shared.database.engine import begin

Query = tuple[str, Any]
Plan = dict[str, Any]
_GROWING = {"sync_tasks", "jobs", "sync_attempts", "webhook_deliveries", "tickets", "audit_events"}


@contextmanager
def recorded_queries(engine: Engine) -> Iterator[list[Query]]:
    """The queries executed within the block, with their values."""
    queries: list[Query] = []

    def record(_c: Any, _k: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            queries.append((statement, values))

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield queries
    finally:
        event.remove(engine, "before_cursor_execute", record)


def executed_plans(session: Session, queries: list[Query]) -> list[Plan]:
    """Execute queries again, by an index wherever one serves; their plans."""
    connection = session.connection()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    explain = "EXPLAIN (ANALYZE, FORMAT JSON) "
    return [
        connection.exec_driver_sql(explain + query, values).scalar_one()[0]["Plan"]
        for query, values in queries
    ]


def scans_of_growing_tables(engine: Engine, queries: list[Query]) -> list[Plan]:
    """The scans of tables that grow with time, in the plans of these queries; at least one."""
    with begin(engine) as session:
        plans = executed_plans(session, queries)
    scans = [scan for plan in plans for scan in _scans(plan)]
    assert scans, "nothing was read from a growing table"
    return scans


def _scans(node: Plan) -> Iterator[Plan]:
    if node.get("Relation Name") in _GROWING:
        yield node
    for inner in node.get("Plans", ()):
        yield from _scans(inner)


def rows_read(scan: Plan) -> float:
    """How many rows a scan touched, those that it filtered out too."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return float(sum(scan.get(name, 0) for name in names) * scan["Actual Loops"])
