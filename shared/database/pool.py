"""Pings pooled connections before use, but only those that may be dead."""

import select
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

from shared.clock import SystemClock

PING_AFTER_SECONDS = 5.0
"""A connection that was idle for longer is pinged before it is used."""


def ping_stale_connections(engine: Engine) -> None:
    """Ping a connection that was idle for long, or on which the server has sent something.

    SQLAlchemy's ``pool_pre_ping`` pings every time, which costs a fifth of a short transaction.
    If the server closes a connection, its socket becomes readable, so no ping is needed to see
    it. If the network fails, the connection is noticed once it was idle for long. When one
    connection is dead, the whole pool is replaced.
    """
    clock = SystemClock()

    @event.listens_for(engine, "checkin")
    def on_checkin(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = clock.monotonic()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get("idle_since", float("inf"))  # a new connection has none
        try:
            if clock.monotonic() - since > PING_AFTER_SECONDS or _has_input(connection):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("A pooled connection was dead") from error


def _has_input(connection: Any) -> bool:
    """Whether unread data or the end of the stream has arrived on an idle connection."""
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
