"""When a pooled connection is asked whether it still lives before it is used."""

import select
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

from shared.clock import SystemClock

UNASKED_SECONDS = 5.0
"""How long a connection may have idled and still be taken without a ping."""


def ping_in_doubt(engine: Engine) -> None:
    """Have the pool ping connections that idled for long, or that the server has spoken on.

    A ping each time, as SQLAlchemy's ``pool_pre_ping``, takes a fifth of a short transaction. A
    server that ends a connection shows on the socket without a question; what went without a sign
    has idled. One that is found dead speaks for all in the pool.
    """
    clock = SystemClock()

    @event.listens_for(engine, "checkin")
    def given_back(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = clock.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get("idle_since", float("inf"))  # a new one has none
        try:
            if clock.monotonic() - since > UNASKED_SECONDS or _spoken_on(connection):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("A pooled connection was dead") from error


def _spoken_on(connection: Any) -> bool:
    """Whether something unread, or the end, has arrived on an idle connection."""
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
