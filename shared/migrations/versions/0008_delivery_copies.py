"""Jira's identifier beside what makes deliveries copies; variables that Jira did not replace.

``identifier`` was Jira's own where it sent one, and rows from before keep it. A delivery that Jira
repeats across the upgrade is therefore stored a second time, which is harmless.
"""

import sqlalchemy as sa
from alembic import op

from shared.migrations.online import create_index

revision = "0008_delivery_copies"
down_revision = "0007_bulk_actions"

_TABLE = "webhook_deliveries"
_COLUMNS = ("jira_identifier", "variable")


def upgrade() -> None:
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE {_TABLE} ADD COLUMN IF NOT EXISTS {name} text")
    create_index(
        "ix_webhook_deliveries_jira_identifier",
        _TABLE,
        ["jira_identifier"],
        postgresql_where=sa.text("jira_identifier IS NOT NULL"),
    )
    create_index(
        "ix_webhook_deliveries_variable",
        _TABLE,
        ["received_at"],
        postgresql_where=sa.text("variable IS NOT NULL"),
    )


def downgrade() -> None:
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE {_TABLE} DROP COLUMN {name}")
