"""When a hint last said that a ticket had changed: its copy is then read again."""

import sqlalchemy as sa
from alembic import op

from shared.migrations.online import create_index

revision = "0012_announced_tickets"
down_revision = "0011_token_expiry"


def upgrade() -> None:
    op.execute("ALTER TABLE tickets ADD COLUMN IF NOT EXISTS announced_at timestamptz")
    create_index(
        "ix_tickets_announced",
        "tickets",
        ["issue_id"],
        postgresql_where=sa.text("announced_at > verified_at"),
    )


def downgrade() -> None:
    op.execute("ALTER TABLE tickets DROP COLUMN announced_at")
