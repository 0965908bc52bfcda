"""The migrations make the schema that the models describe, online and offline, up and down."""

import io
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine, text

from shared.database.engine import make_engine
from shared.migrations.runner import alembic_config, migrate
from shared.models import Base
from tests.support import catalog
from tests.support.servers import postgres


@pytest.fixture
def empty(postgres_uri: str) -> Iterator[Engine]:
    """A database without any table."""
    with postgres.database(postgres_uri, template="template1") as dsn:
        engine = make_engine(dsn)
        yield engine
        engine.dispose()


def dsn_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_the_migrations_make_what_the_models_describe(engine: Engine, empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE EXTENSION pg_trgm"))
        Base.metadata.create_all(connection)
    migrated = catalog.tables(engine)
    assert "jobs.name" in migrated
    assert migrated == catalog.tables(empty)


def test_the_sql_that_is_printed_makes_the_same_schema(engine: Engine, empty: Engine) -> None:
    config = alembic_config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    with psycopg.connect(dsn_of(empty).replace("+psycopg", ""), autocommit=True) as connection:
        # One by one, as psql does: an index cannot be built concurrently beside other statements.
        for statement in config.output_buffer.getvalue().split(";\n\n"):
            connection.execute(statement)
    assert catalog.everything(empty) == catalog.everything(engine)


def test_after_all_is_taken_back_it_can_be_applied_again(engine: Engine, dsn: str) -> None:
    migrated = catalog.everything(engine)
    command.downgrade(alembic_config(dsn), "base")
    assert catalog.everything(engine) == {}
    migrate(dsn)
    assert catalog.everything(engine) == migrated
