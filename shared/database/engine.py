"""PostgreSQL: engine, transactions, migrations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, func
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from shared.database.pool import ping_in_doubt
from shared.errors import DatabaseUnavailableError

T = TypeVar("T")

_RETRYABLE = {"40P01", "40001"}  # deadlock detected, serialization failure
_TRIES = 5


# A server that vanished without a word, as one behind a failed network does, is noticed within
# half a minute, and not after the hours or the quarter of an hour of the system's defaults.
WATCHFUL = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""libpq's options of every connection; milliseconds where libpq wants them, else seconds."""


def make_engine(dsn: str, *, pool_size: int = 5, statement_seconds: int = 30) -> Engine:
    """An engine for one process; make it after fork.

    ``pool_size`` connections are kept and as many more opened in a rush. A statement may run
    ``statement_seconds``, wait for a lock a third of that, and a transaction may not idle longer.
    """
    limit = statement_seconds * 1000
    options = (
        f"-c statement_timeout={limit} -c lock_timeout={limit // 3} "
        f"-c idle_in_transaction_session_timeout={limit} -c timezone=UTC"
    )
    engine = create_engine(
        dsn,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        # An error that is logged must not carry the values: bodies of tickets are among them.
        hide_parameters=True,
        connect_args={**WATCHFUL, "options": options, "application_name": "routecard"},
    )
    ping_in_doubt(engine)
    return engine


@contextmanager
def begin(engine: Engine) -> Iterator[Session]:
    """One transaction, committed at the end of the block.

    Raises DatabaseUnavailableError where no connection could be had, hence nothing was written.
    """
    with Session(engine, expire_on_commit=False) as session:
        try:
            session.connection()
        except (OperationalError, PoolTimeoutError) as error:
            raise DatabaseUnavailableError("The database cannot be reached.") from error
        yield session
        session.commit()


def in_transaction(engine: Engine, work: Callable[[Session], T]) -> T:
    """Run ``work`` in one transaction, again where the database broke it up for a deadlock."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with begin(engine) as session:
                return work(session)
        except DBAPIError as error:
            if not tries_left or getattr(error.orig, "sqlstate", None) not in _RETRYABLE:
                raise
    raise AssertionError("unreachable")  # pragma: no cover


def database_time(session: Session) -> datetime:
    """The database's clock: due times, leases and heartbeats are set and compared by it."""
    now = session.scalar(func.now())
    assert isinstance(now, datetime)  # noqa: S101  tells the type checker what now() is
    return now


def alembic_config(dsn: str) -> Config:
    """Alembic's configuration for our migrations, without a file."""
    config = Config()
    config.set_main_option("script_location", "shared:migrations")
    config.attributes["dsn"] = dsn
    return config


def migrate(dsn: str) -> None:
    """Bring the schema to the newest revision; concurrent calls wait for each other."""
    command.upgrade(alembic_config(dsn), "head")


def is_current(session: Session) -> bool:
    """Whether every migration is in place."""
    context = MigrationContext.configure(session.connection())
    return set(context.get_current_heads()) == _heads()


@cache
def _heads() -> frozenset[str]:
    """The revisions of this code, read once: they do not change under a running process."""
    return frozenset(ScriptDirectory.from_config(alembic_config("")).get_heads())
