"""Applies the migrations: one process at a time, and without holding up requests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.database.advisory_lock import LockName, advisory_lock
from shared.database.engine import begin, make_unpooled_engine
from shared.errors import AppError
from shared.logs import get_logger

log = get_logger(__name__)

TIMEOUTS = {
    "lock_timeout": 5_000,
    "statement_timeout": 60_000,
    "idle_in_transaction_session_timeout": 60_000,
}
"""Settings of a migration's connection, in milliseconds.

Every request that needs a table waits behind a migration that waits for the table's lock.
A backfill that takes longer than the statement timeout works in batches.
"""
_LOCK_POLL_SECONDS = 0.2
_LOCK_TIMEOUT = "55P03"
_QUERY_CANCELED = "57014"


class MigrationError(AppError):
    """A migration could not be applied; the message says what to do."""

    code = "migration_failed"


def migrate(dsn: str) -> None:
    """Bring the schema to the newest revision; concurrent calls wait for each other.

    Raises MigrationError, and DatabaseUnavailableError if there is no connection.
    """
    engine = migration_engine(dsn)
    with begin(engine) as session:
        _refuse_unknown_revision(session)
    with _only_migration(engine):
        _upgrade(dsn)


def is_current(session: Session) -> bool:
    """Whether every migration is applied."""
    return _applied(session) == _scripts()[0]


def migration_engine(dsn: str) -> Engine:
    """An engine without a pool, whose connections have the timeouts of a migration."""
    return make_unpooled_engine(dsn, timeouts=TIMEOUTS)


def alembic_config(dsn: str = "") -> Config:
    """Alembic's configuration for our migrations, without a file."""
    config = Config()
    config.set_main_option("script_location", "shared:migrations")
    config.attributes["dsn"] = dsn
    return config


@contextmanager
def _only_migration(engine: Engine) -> Iterator[None]:
    """Wait until no other process migrates.

    It asks again and again: a statement that waits for the lock would keep a snapshot open, and
    CREATE INDEX CONCURRENTLY of the process that holds the lock would wait for that snapshot.
    """
    waited = False
    while True:
        with advisory_lock(engine, LockName.MIGRATION) as acquired:
            if acquired:
                yield
                return
        if not waited:
            log.info("migration_waits_for_another")
            waited = True
        time.sleep(_LOCK_POLL_SECONDS)


def _upgrade(dsn: str) -> None:
    try:
        command.upgrade(alembic_config(dsn), "head")
    except OperationalError as error:
        raise _explained(error) from error


def _explained(error: OperationalError) -> Exception:
    state = getattr(error.orig, "sqlstate", None)
    if state == _LOCK_TIMEOUT:
        seconds = TIMEOUTS["lock_timeout"] // 1000
        problem = (
            f"A table's lock was not free within {seconds} s, because another transaction uses "
            "the table. The migration gave up, so that requests do not have to wait behind it."
        )
    elif state == _QUERY_CANCELED:
        problem = f"A statement took longer than {TIMEOUTS['statement_timeout'] // 1000} s."
    else:
        return error
    statement = " ".join(str(error.statement).split())[:200]
    return MigrationError(
        f"{problem} Revisions before this one stay applied. Run `routecard migrate` again. If it "
        "fails again, pg_stat_activity shows the transaction that is in the way. "
        f"The statement was: {statement}"
    )


def _refuse_unknown_revision(session: Session) -> None:
    unknown = _applied(session) - _scripts()[1]
    if unknown:
        raise MigrationError(
            f"The database is at revision {', '.join(sorted(unknown))}, which this version of "
            "Routecard does not know: a newer version made it, or a development version from "
            "before 0.1.0. Use the version that made it. If it is a development database, "
            "`make fresh` (`routecard dev --fresh`) deletes its data and makes a new one."
        )


def _applied(session: Session) -> frozenset[str]:
    return frozenset(MigrationContext.configure(session.connection()).get_current_heads())


@cache
def _scripts() -> tuple[frozenset[str], frozenset[str]]:
    """The newest revisions and all revisions of this code; they do not change while it runs."""
    scripts = ScriptDirectory.from_config(alembic_config())
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return frozenset(scripts.get_heads()), known
