"""Lists of sync tasks by the moment of making, and causes counted from an index alone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WITH_ERROR = sa.text("error_code IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_sync_tasks_made", "sync_tasks", ["created_at", "id"])
    op.drop_index("ix_sync_tasks_error", table_name="sync_tasks")
    op.create_index(
        "ix_sync_tasks_error",
        "sync_tasks",
        ["error_code", "id"],
        postgresql_include=["status"],
        postgresql_where=_WITH_ERROR,
    )


def downgrade() -> None:
    op.drop_index("ix_sync_tasks_error", table_name="sync_tasks")
    op.create_index(
        "ix_sync_tasks_error", "sync_tasks", ["error_code", "id"], postgresql_where=_WITH_ERROR
    )
    op.drop_index("ix_sync_tasks_made", table_name="sync_tasks")
