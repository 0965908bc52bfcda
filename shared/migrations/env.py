"""Alembic's environment: applies revisions, or prints their SQL (`alembic upgrade head --sql`)."""

from alembic import context

from shared.migrations.runner import TIMEOUTS, migration_engine
from shared.models import Base
from shared.settings import load_settings


def run_online() -> None:
    """Apply each revision in a transaction of its own."""
    dsn = context.config.attributes.get("dsn") or load_settings().database_dsn()
    with migration_engine(dsn).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def run_offline() -> None:
    """Print the SQL, timeouts included, as it can be read, linted or run by psql."""
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},
        literal_binds=True,
        transaction_per_migration=True,
    )
    for setting, milliseconds in TIMEOUTS.items():
        context.execute(f"SET {setting} = {milliseconds}")
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
