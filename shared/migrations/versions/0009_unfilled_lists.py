"""Lists of what is not filled, in order of making and of change, without a sort."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_UNFILLED = sa.text("status <> 'filled'")


def upgrade() -> None:
    op.drop_index("ix_sync_tasks_unfilled", table_name="sync_tasks")
    for name, moment in (
        ("ix_sync_tasks_unfilled", "created_at"),
        ("ix_sync_tasks_unfilled_changed", "updated_at"),
    ):
        op.create_index(name, "sync_tasks", ["status", moment, "id"], postgresql_where=_UNFILLED)


def downgrade() -> None:
    op.drop_index("ix_sync_tasks_unfilled_changed", table_name="sync_tasks")
    op.drop_index("ix_sync_tasks_unfilled", table_name="sync_tasks")
    op.create_index(
        "ix_sync_tasks_unfilled", "sync_tasks", ["status", "id"], postgresql_where=_UNFILLED
    )
