"""Advisory locks: work that only one process of the installation does at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError


class LockName(IntEnum):
    """What is done by one process at a time; the numbers are the locks' keys in PostgreSQL."""

    MIGRATION = 7_266_001
    POLL = 7_266_011
    DELETED_TICKETS = 7_266_012


@contextmanager
def advisory_lock(engine: Engine, name: LockName) -> Iterator[bool]:
    """Try to take the lock, and hold it until the block ends; yields whether it was free.

    The lock belongs to a connection made for it, outside any transaction. It also ends when the
    process is killed or the database restarts.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": name.value}
        acquired = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield acquired
        finally:
            if acquired:
                _release(connection, key)


def _release(connection: Connection, key: dict[str, int]) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
    except DBAPIError:
        connection.invalidate()
