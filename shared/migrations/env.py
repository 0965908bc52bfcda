"""How Alembic reaches the database: one connection, one lock, all revisions in it."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from shared.models import Base

MIGRATION_LOCK = 7_266_001
"""Advisory lock held by whoever migrates, so that several starts at once do it once."""


def run() -> None:
    """Apply the revisions in one transaction under the advisory lock."""
    engine = create_engine(context.config.attributes["dsn"], poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        context.run_migrations()


run()
