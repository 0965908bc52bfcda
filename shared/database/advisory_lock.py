"""One at a time over all workers: advisory locks that end with the process that holds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError


class LockName(IntEnum):
    """What only one worker does at a time; the numbers are the locks' keys in PostgreSQL."""

    POLL = 7_266_011
    DELETED_TICKETS = 7_266_012


@contextmanager
def advisory_lock(engine: Engine, errand: LockName) -> Iterator[bool]:
    """Whether this worker is the one; held, without a transaction, until the block ends.

    The lock hangs on a connection of its own: kill -9 or a database that restarts end it too.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": errand.value}
        held = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield held
        finally:
            if held:
                _release(connection, key)


def _release(connection: Connection, key: dict[str, int]) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
    except DBAPIError:
        connection.invalidate()
