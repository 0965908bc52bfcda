"""Pruning: rows older than their retention are deleted, unfinished ones are kept."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database import pruning
from shared.database.engine import begin
from tests.support.jira.hooks import Inbox
from worker.maintenance.prune import prune
from worker.runtime import Runtime


def aged(engine: Engine, days: int, *, outcome: str | None = "noted") -> str:
    """A delivery received so many days ago."""
    delivery_id = Inbox(engine).put()
    with begin(engine) as session:
        session.execute(
            text(
                "UPDATE webhook_deliveries SET received_at = now() - make_interval(days => :days),"
                " outcome = CAST(:outcome AS text), applied_at ="
                " CASE WHEN CAST(:outcome AS text) IS NULL THEN NULL ELSE now() END WHERE id = :id"
            ),
            {"days": days, "outcome": outcome, "id": delivery_id},
        )
    return delivery_id


def attempted(engine: Engine, days: int) -> None:
    """An attempt that ended so many days ago."""
    with begin(engine) as session:
        session.execute(
            text(
                "INSERT INTO sync_attempts (task_id, started_at, ended_at, source, outcome) VALUES "
                "('sync_x', now(), now() - make_interval(days => :days), 'api', 'filled')"
            ),
            {"days": days},
        )


def count(engine: Engine, statement: str) -> Any:
    """A number from the database."""
    with begin(engine) as session:
        return session.scalar(text(statement))


def test_bodies_go_first_and_rows_later(engine: Engine, runtime: Runtime) -> None:
    young, middle, old = (aged(engine, days) for days in (13, 15, 91))
    prune(runtime)
    kept = {row.id: row for row in Inbox(engine).rows()}
    assert set(kept) == {young, middle}
    assert kept[young].body is not None
    assert kept[middle].body is None
    assert kept[middle].body_size > 0
    assert old not in kept


def test_a_delivery_that_still_waits_is_never_cut(engine: Engine, runtime: Runtime) -> None:
    waiting = aged(engine, 400, outcome=None)
    prune(runtime)
    assert Inbox(engine).row(waiting).body is not None


def test_attempts_are_cut_by_age(engine: Engine, runtime: Runtime) -> None:
    for days in (1, 89, 91, 400):
        attempted(engine, days)
    assert prune(runtime)["attempts"] == 2
    assert count(engine, "SELECT count(*) FROM sync_attempts") == 2


def test_a_long_history_is_deleted_in_batches(
    engine: Engine, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH_SIZE", 2)
    monkeypatch.setattr("worker.maintenance.prune.BATCH_SIZE", 2)
    for _ in range(5):
        attempted(engine, 100)
    assert prune(runtime)["attempts"] == 5
