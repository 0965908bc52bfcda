"""Tokens expire and are rotated."""

from alembic import op
from sqlalchemy import text

from shared.migrations.online import create_index, drop_index

revision = "0011_token_expiry"
down_revision = "0010_polled_projects"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE api_tokens
            ADD COLUMN IF NOT EXISTS expires_at timestamptz,
            ADD COLUMN IF NOT EXISTS first_id bigint,
            ADD COLUMN IF NOT EXISTS replaced_at timestamptz
    """)
    create_index(
        "uq_api_tokens_name_current",
        "api_tokens",
        ["name"],
        unique=True,
        postgresql_where=text("revoked_at IS NULL AND replaced_at IS NULL"),
    )
    drop_index("uq_api_tokens_name_in_use", "api_tokens")


def downgrade() -> None:
    op.execute("""
        UPDATE api_tokens SET revoked_at = now()
        WHERE revoked_at IS NULL AND replaced_at IS NOT NULL
    """)
    create_index(
        "uq_api_tokens_name_in_use",
        "api_tokens",
        ["name"],
        unique=True,
        postgresql_where=text("revoked_at IS NULL"),
    )
    drop_index("uq_api_tokens_name_current", "api_tokens")
    op.execute("""
        ALTER TABLE api_tokens
            DROP COLUMN expires_at, DROP COLUMN first_id, DROP COLUMN replaced_at
    """)
