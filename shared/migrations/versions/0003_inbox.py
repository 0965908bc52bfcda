"""Webhook deliveries, rejections, changes no webhook announced, resolved field names."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "field_mappings",
        sa.Column("settings_hash", sa.Text(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Text(), nullable=True),
        sa.Column("epic_link", sa.Text(), nullable=True),
        sa.Column(
            "resolved_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("settings_hash", name=op.f("pk_field_mappings")),
    )
    op.create_table(
        "unannounced_changes",
        sa.Column("issue_id", sa.Text(collation="C"), nullable=False),
        sa.Column("ticket_key", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_unannounced_changes")),
    )
    op.create_index(
        "ix_unannounced_changes_found", "unannounced_changes", ["found_at"], unique=False
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("ticket_key", sa.Text(), nullable=True),
        sa.Column("issue_id", sa.Text(collation="C"), nullable=True),
        sa.Column("retry", sa.Integer(), nullable=True),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_size", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('filled', 'noted', 'unlinked', 'stale', 'ignored', 'failed')",
            name=op.f("ck_webhook_deliveries_outcome_known"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (applied_at IS NULL)",
            name=op.f("ck_webhook_deliveries_outcome_has_moment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "identifier", "signed", name=op.f("uq_webhook_deliveries_identifier_signed")
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_issue",
        "webhook_deliveries",
        ["issue_id", "received_at"],
        unique=False,
    )
    op.create_index(
        "ix_webhook_deliveries_outcome", "webhook_deliveries", ["outcome", "id"], unique=False
    )
    op.create_index(
        "ix_webhook_deliveries_received", "webhook_deliveries", ["received_at"], unique=False
    )
    op.create_index(
        "ix_webhook_deliveries_ticket", "webhook_deliveries", ["ticket_key", "id"], unique=False
    )
    op.create_index(
        "ix_webhook_deliveries_waiting",
        "webhook_deliveries",
        ["id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index(
        "ix_webhook_deliveries_with_body",
        "webhook_deliveries",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("body IS NOT NULL"),
    )
    op.create_table(
        "webhook_rejections",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "reason", name=op.f("pk_webhook_rejections")),
    )


def downgrade() -> None:
    op.drop_table("webhook_rejections")
    op.drop_index(
        "ix_webhook_deliveries_with_body",
        table_name="webhook_deliveries",
        postgresql_where=sa.text("body IS NOT NULL"),
    )
    op.drop_index(
        "ix_webhook_deliveries_waiting",
        table_name="webhook_deliveries",
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.drop_index("ix_webhook_deliveries_ticket", table_name="webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_received", table_name="webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_outcome", table_name="webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_issue", table_name="webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_index("ix_unannounced_changes_found", table_name="unannounced_changes")
    op.drop_table("unannounced_changes")
    op.drop_table("field_mappings")
