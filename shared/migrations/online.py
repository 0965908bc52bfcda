"""For revisions: changes to tables that exist already, without blocking reads and writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op

from shared.migrations.runner import TIMEOUTS


@contextmanager
def without_transaction() -> Iterator[None]:
    """Around statements that block no traffic and that PostgreSQL runs outside a transaction.

    They may take as long as they need. What the revision did before is committed, so a revision
    that fails here must be able to run again from its beginning.
    """
    with op.get_context().autocommit_block():
        for setting in TIMEOUTS:
            op.execute(f"SET {setting} = 0")
        yield
        for setting, milliseconds in TIMEOUTS.items():
            op.execute(f"SET {setting} = {milliseconds}")


def create_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """CREATE INDEX CONCURRENTLY; replaces the invalid index that a failed run has left behind."""
    with without_transaction():
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name, table, columns, if_not_exists=True, postgresql_concurrently=True, **options
        )


def drop_index(name: str, table: str) -> None:
    """DROP INDEX CONCURRENTLY."""
    with without_transaction():
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
