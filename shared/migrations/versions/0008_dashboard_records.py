"""What the dashboard tells of jobs, deliveries, Jira and deeds: who sent what; examinations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNSIGNED = sa.text("NOT signed")


def upgrade() -> None:
    # Null for the jobs that are there already: what their clients sent was not written down.
    op.add_column("jobs", sa.Column("client_fields", postgresql.ARRAY(sa.Text()), nullable=True))
    op.create_table(
        "examinations",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("ticket_key", sa.Text(), nullable=True),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("findings", postgresql.JSONB(), nullable=True),
        sa.Column("preview", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examinations")),
    )
    op.create_index(
        "uq_examinations_open",
        "examinations",
        [sa.text("(true)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_webhook_deliveries_event", "webhook_deliveries", ["event", "id"])
    op.create_index(
        "ix_webhook_deliveries_unsigned",
        "webhook_deliveries",
        ["id"],
        postgresql_where=_UNSIGNED,
    )
    op.create_index("ix_audit_events_action", "audit_events", ["action", "id"])
    op.create_index("ix_audit_events_actor", "audit_events", ["actor", "id"])
    op.create_index("ix_audit_events_at", "audit_events", ["at"])


def downgrade() -> None:
    op.drop_index("ix_audit_events_at", table_name="audit_events")
    op.drop_index("ix_audit_events_actor", table_name="audit_events")
    op.drop_index("ix_audit_events_action", table_name="audit_events")
    op.drop_index("ix_webhook_deliveries_unsigned", table_name="webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_event", table_name="webhook_deliveries")
    op.drop_table("examinations")
    op.drop_column("jobs", "client_fields")
