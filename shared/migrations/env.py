"""Alembic's environment: applies revisions, or prints their SQL (`alembic upgrade head --sql`)."""

from alembic import context

from shared.migrations.runner import TIMEOUTS, migration_engine


def run_online() -> None:
    """Apply each revision in a transaction of its own."""
    if "dsn" not in context.config.attributes:
        raise SystemExit("Run `routecard migrate`: it lets one process migrate at a time.")
    with migration_engine(context.config.attributes["dsn"]).connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
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
