"""What Jira has and we could not read: quantities that are not certain, notes on Jira fields."""

import sqlalchemy as sa
from alembic import op

from shared.migrations.online import create_index

revision = "0009_values_not_read"
down_revision = "0008_delivery_copies"

_COLUMNS = (
    ("jobs", "quantity_unread", "text"),
    ("jobs", "fill_notes", "jsonb"),
    ("tickets", "quantity_unread", "text"),
    ("tickets", "notes", "jsonb"),
)


def upgrade() -> None:
    for table, name, kind in _COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {kind}")
    create_index(
        "ix_jobs_quantity_unread",
        "jobs",
        ["id"],
        postgresql_where=sa.text("quantity_unread IS NOT NULL"),
    )
    create_index(
        "ix_jobs_fill_notes",
        "jobs",
        ["jira_filled_at"],
        postgresql_where=sa.text("fill_notes IS NOT NULL"),
    )


def downgrade() -> None:
    for table, name, _ in _COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
