"""Migrations wait for each other, do not block requests, and say why they cannot run."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, text

from shared.database.advisory_lock import LockName, advisory_lock
from shared.database.engine import begin
from shared.errors import DatabaseUnavailableError
from shared.migrations import online, runner
from shared.migrations.runner import (
    MigrationError,
    alembic_config,
    is_current,
    migrate,
    migration_engine,
)
from tests.support.servers import postgres

BEFORE_PRODUCTION = "0003_webhooks"
"""The revision before the one that adds foreign keys to ``jobs``."""
INDEX = "indexrelid = 'ix_jobs_try'::regclass"


@pytest.fixture
def empty(postgres_uri: str) -> Iterator[str]:
    """The address of a database without any table."""
    with postgres.database(postgres_uri, template="template1") as dsn:
        yield dsn


@contextmanager
def revision(dsn: str) -> Iterator[None]:
    """As if a revision ran in the block."""
    with migration_engine(dsn).connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            yield


def test_several_at_once_apply_each_migration_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(migrate, empty) for _ in range(4)]:
            result.result()
    engine = migration_engine(empty)
    with begin(engine) as session:
        assert is_current(session)


def test_a_migration_waits_for_the_one_that_runs(engine: Engine, dsn: str) -> None:
    command.downgrade(alembic_config(dsn), BEFORE_PRODUCTION)
    with ThreadPoolExecutor(1) as pool:
        with advisory_lock(engine, LockName.MIGRATION) as acquired:
            assert acquired
            second = pool.submit(migrate, dsn)
            with pytest.raises(TimeoutError):
                second.result(timeout=1)
        second.result(timeout=30)
    with begin(engine) as session:
        assert is_current(session)


def test_a_migration_that_cannot_have_its_lock_gives_up(
    engine: Engine, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runner.TIMEOUTS, "lock_timeout", 500)
    command.downgrade(alembic_config(dsn), BEFORE_PRODUCTION)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE jobs IN ROW EXCLUSIVE MODE"))
        with pytest.raises(MigrationError, match="routecard migrate") as refused:
            migrate(dsn)
        assert "another transaction" in refused.value.message
        assert "CREATE TABLE paths" in refused.value.message
        with begin(engine) as session:
            session.execute(text("SELECT count(*) FROM jobs"))
            session.execute(text("LOCK TABLE jobs IN ROW EXCLUSIVE MODE NOWAIT"))
            assert not is_current(session)
    migrate(dsn)
    with begin(engine) as session:
        assert is_current(session)


def test_a_statement_that_takes_too_long_ends_the_migration(
    dsn: str, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    monkeypatch.setitem(runner.TIMEOUTS, "statement_timeout", 300)
    command.downgrade(alembic_config(dsn), BEFORE_PRODUCTION)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE jobs IN ROW EXCLUSIVE MODE"))
        with pytest.raises(MigrationError, match="longer than"):
            migrate(dsn)


def test_an_index_is_built_beside_writes_and_after_a_failed_try(engine: Engine, dsn: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX ix_jobs_try ON jobs (name)"))
        connection.execute(
            text(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_jobs_try'::regclass"
            )
        )
    with revision(dsn):
        online.create_index("ix_jobs_try", "jobs", ["name", "id"])
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT indisvalid, indnatts FROM pg_index WHERE {INDEX}"))
        assert tuple(found.one()) == (True, 2)
    with revision(dsn):
        online.drop_index("ix_jobs_try", "jobs")


def test_an_index_is_built_while_another_process_waits_to_migrate(dsn: str) -> None:
    waiting = threading.Event()

    def other() -> None:
        waiting.set()
        migrate(dsn)

    engine = migration_engine(dsn)
    with ThreadPoolExecutor(1) as pool:
        with advisory_lock(engine, LockName.MIGRATION):
            second = pool.submit(other)
            assert waiting.wait(5)
            with revision(dsn):
                for number in range(5):
                    online.create_index(f"ix_jobs_try_{number}", "jobs", ["name"])
        second.result(timeout=30)


@pytest.mark.parametrize("former", ["0001", "0010", "9999_newer"])
def test_for_a_database_of_another_version_the_message_says_what_to_do(
    engine: Engine, dsn: str, former: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{former}'"))
    with pytest.raises(MigrationError, match="make fresh") as refused:
        migrate(dsn)
    assert f"revision {former}" in refused.value.message


def test_without_a_database_it_says_so() -> None:
    with pytest.raises(DatabaseUnavailableError):
        migrate("postgresql+psycopg://nobody@127.0.0.1:9/none")
