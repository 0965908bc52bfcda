"""Pooled connections: used without a ping while they work, and replaced when they are dead."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from shared.database import pool
from shared.database.engine import begin
from tests.support.waiting import eventually

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = %s AND application_name = 'routecard'"
)

ALIVE = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"


@pytest.fixture
def pings(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections that were pinged, in order."""
    pinged: list[Any] = []
    ping = engine.dialect.do_ping

    def counted(connection: Any) -> bool:
        pinged.append(connection)
        return ping(connection)

    monkeypatch.setattr(engine.dialect, "do_ping", counted)
    return pinged


def session_id(engine: Engine) -> int:
    """The server process of the connection that the pool gives us."""
    with begin(engine) as session:
        return int(session.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_a_working_connection_is_used_again_without_a_ping(
    engine: Engine, pings: list[Any]
) -> None:
    assert len({session_id(engine) for _ in range(5)}) == 1
    assert pings == []


def test_a_connection_that_was_idle_for_long_is_pinged_first(
    engine: Engine, pings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PING_AFTER_SECONDS", 0.0)
    assert session_id(engine) == session_id(engine)
    assert len(pings) == 1


def test_connections_that_the_server_closed_are_replaced(
    engine: Engine, pings: list[Any], postgres_uri: str
) -> None:
    with begin(engine) as first, begin(engine) as second:
        before = {s.scalar(text("SELECT pg_backend_pid()")) for s in (first, second)}
        name = second.scalar(text("SELECT current_database()"))
    with psycopg.connect(postgres_uri, autocommit=True) as server:
        assert len(server.execute(TERMINATE, (name,)).fetchall()) == 2
        eventually(lambda: server.execute(ALIVE, (name,)).fetchone() == (0,))
    with begin(engine) as first, begin(engine) as second:
        after = {s.scalar(text("SELECT pg_backend_pid()")) for s in (first, second)}
    assert len(after) == 2
    assert not after & before
    assert len(pings) == 1
