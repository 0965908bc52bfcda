"""How far polls have got; which tickets Jira no longer shows."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _moment(name: str, *, now: bool = False, nullable: bool = True) -> "sa.Column[datetime]":
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "jira_polls",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("projects", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("running", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        _moment("began_at", now=True, nullable=False),
        _moment("since"),
        _moment("cursor"),
        _moment("watermark"),
        _moment("deep_at", now=True, nullable=False),
        _moment("complete_as_of"),
        sa.Column("tickets", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("imported", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _moment("import_started_at", now=True, nullable=False),
        _moment("import_done_at"),
        sa.Column("refusal", sa.Text(), nullable=True),
        _moment("updated_at", now=True, nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_jira_polls")),
    )
    op.add_column("tickets", _moment("verified_at", now=True, nullable=False))
    op.add_column("tickets", _moment("missing_since"))
    op.create_index("ix_tickets_verified", "tickets", ["verified_at"])
    op.create_index(
        "ix_tickets_newest", "tickets", [sa.text("length(issue_id) DESC"), sa.text("issue_id DESC")]
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_newest", table_name="tickets")
    op.drop_index("ix_tickets_verified", table_name="tickets")
    op.drop_column("tickets", "missing_since")
    op.drop_column("tickets", "verified_at")
    op.drop_table("jira_polls")
