"""The database engine of a process, and transactions on it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Engine, NullPool, create_engine, func, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from shared.database.pool import ping_stale_connections
from shared.errors import DatabaseUnavailableError

T = TypeVar("T")

_RETRYABLE = {"40P01", "40001"}  # deadlock detected, serialization failure
_TRIES = 5

# A server that has become unreachable, for example because the network failed, is noticed within
# half a minute. With the system's defaults it takes from a quarter of an hour to hours.
_LIBPQ_OPTIONS = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""libpq options of every connection: seconds, but milliseconds for ``tcp_user_timeout``."""


def make_engine(dsn: str, *, pool_size: int = 5, statement_seconds: int = 30) -> Engine:
    """An engine for one process; make it after fork.

    The pool keeps ``pool_size`` connections and opens up to as many more under load. A statement
    may run for ``statement_seconds`` and wait for a lock for a third of that time. A transaction
    may be idle for ``statement_seconds``.
    """
    limit = statement_seconds * 1000
    timeouts = {
        "statement_timeout": limit,
        "lock_timeout": limit // 3,
        "idle_in_transaction_session_timeout": limit,
    }
    engine = create_engine(
        dsn,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        # Errors are logged, and the values of a statement can be the contents of tickets.
        hide_parameters=True,
        connect_args=_connect_args(timeouts),
    )
    ping_stale_connections(engine)
    return engine


def make_unpooled_engine(dsn: str, *, timeouts: Mapping[str, int], **options: Any) -> Engine:
    """An engine that opens a connection for each use and closes it afterwards.

    ``timeouts`` are PostgreSQL's settings in milliseconds, ``options`` further ones of libpq.
    """
    return create_engine(
        dsn, poolclass=NullPool, connect_args={**_connect_args(timeouts), **options}
    )


def _connect_args(timeouts: Mapping[str, int]) -> dict[str, Any]:
    settings = " ".join(f"-c {name}={value}" for name, value in timeouts.items())
    return {
        **_LIBPQ_OPTIONS,
        "options": f"{settings} -c timezone=UTC",
        "application_name": "routecard",
    }


@contextmanager
def begin(engine: Engine) -> Iterator[Session]:
    """One transaction, committed at the end of the block.

    Raises DatabaseUnavailableError if there is no connection; then nothing was written.
    """
    with Session(engine, expire_on_commit=False) as session:
        try:
            session.connection()
        except (OperationalError, PoolTimeoutError) as error:
            raise DatabaseUnavailableError("The database cannot be reached.") from error
        yield session
        session.commit()


def in_transaction(engine: Engine, work: Callable[[Session], T]) -> T:
    """Run ``work`` in one transaction and commit; repeat it after a deadlock."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with begin(engine) as session:
                return work(session)
        except DBAPIError as error:
            if not tries_left or getattr(error.orig, "sqlstate", None) not in _RETRYABLE:
                raise
    raise AssertionError("unreachable")  # pragma: no cover


def database_time(session: Session) -> datetime:
    """The start of the transaction on the database's clock, which due times and leases use."""
    now = session.scalar(func.now())
    assert isinstance(now, datetime)  # noqa: S101  tells the type checker what now() is
    return now


def server_version(session: Session) -> str:
    """PostgreSQL's version, as it names it."""
    return str(session.scalar(text("SHOW server_version")))
