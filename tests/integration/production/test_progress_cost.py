"""Reading progress costs the same with ten units and with a hundred thousand."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared.database.engine import begin
from shared.production import paths as path_store
from shared.production import progress
from shared.production import queries as serial_queries
from shared.production.paths import PathView
from shared.production.queries import SerialFilter
from shared.states import SerialStatus
from tests.support.data import routes
from tests.support.plans import recorded_queries

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def plans(engine: Engine, read: Callable[[Session], object]) -> list[dict[str, Any]]:
    """Every node of every plan of the queries that ``read`` runs."""
    with begin(engine) as session, recorded_queries(engine) as queries:
        read(session)
    found = []
    with engine.connect() as connection:
        for query, values in queries:
            [answer] = connection.exec_driver_sql(EXPLAIN + query, values).scalar_one()
            found += list(nodes(answer["Plan"]))
    assert found
    return found


def tables(found: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in found if "Relation Name" in node}


def rows(found: list[dict[str, Any]]) -> int:
    """How many rows of tables and indexes were read."""
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in found
        if "Relation Name" in node or "Index Name" in node
    )


READS: dict[str, Callable[..., object]] = {
    "progress of the job": lambda session, path: progress.progress_of(session, path.job_id),
    "paths of the job": lambda session, path: path_store.paths_of(session, path.job_id),
    "path with distribution": lambda session, path: path_store.get(session, path.id),
    "number of paths": lambda session, path: path_store.count_paths(session, path.job_id),
}


def filled(engine: Engine, *, batches: int, size: int) -> PathView:
    path = routes.path(engine, "Mill")
    for _ in range(batches):
        routes.units(engine, path, size)
    return path


@pytest.fixture
def ten(engine: Engine) -> PathView:
    """A path of ten units."""
    return filled(engine, batches=1, size=10)


@pytest.fixture
def hundred_thousand(engine: Engine) -> PathView:
    """A path of a hundred thousand units, of which the last hundred are in progress."""
    path = filled(engine, batches=10, size=10_000)
    with begin(engine) as session:
        session.execute(_COMPLETE_ALL_BUT_100, {"path": path.id})
    return path


_COMPLETE_ALL_BUT_100 = text("""
UPDATE serials SET status = 'completed', step_id = NULL
WHERE path_id = :path AND number <= (SELECT last_number - 100 FROM serial_counter)
""")


def vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def test_reading_costs_by_the_path_and_by_the_page_and_never_by_the_unit(
    engine: Engine, ten: PathView, hundred_thousand: PathView
) -> None:
    vacuum(engine)
    for name, read in READS.items():
        few, many = (plans(engine, partial(read, path=p)) for p in (ten, hundred_thousand))
        assert tables(few) == tables(many) <= {"jobs", "paths", "steps"}, name
        assert rows(few) == rows(many), name
    for wanted in filters(hundred_thousand):
        found = plans(engine, partial(serial_queries.page, filters=wanted, limit=100))
        assert rows(found) <= 1000, (wanted, orjson.dumps(found).decode())


def filters(path: PathView) -> list[SerialFilter]:
    """All kinds of filter, with many, few and no units that pass them."""
    return [
        SerialFilter(**{**place, "status": status})
        for status in (None, *SerialStatus)
        for place in (
            {},
            {"path_id": path.id},
            {"job_id": path.job_id},
            {"step_id": path.route.steps[0].id},
            {"job_id": path.job_id, "path_id": path.id},
        )
    ]
