"""Tickets found by any part of key, summary or part number."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_WORDS = ("key", "summary", "part_number")


def upgrade() -> None:
    op.create_index(
        "ix_tickets_words",
        "tickets",
        list(_WORDS),
        postgresql_using="gin",
        postgresql_ops=dict.fromkeys(_WORDS, "gin_trgm_ops"),
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_words", table_name="tickets", postgresql_using="gin")
