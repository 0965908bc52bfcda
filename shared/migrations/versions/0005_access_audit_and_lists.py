"""Tokens, operators, audit; what lists, searches and counts of sync tasks ride on."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def _moment(name: str, *, default: bool = False) -> sa.Column[datetime]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=_NOW if default else None,
        nullable=not default,
    )


def upgrade() -> None:
    _access()
    _audit()
    _lists()


def _access() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        _moment("created_at", default=True),
        _moment("last_used_at"),
        _moment("revoked_at"),
        sa.CheckConstraint("name <> ''", name=op.f("ck_api_tokens_name_not_empty")),
        sa.CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['jobs:read', 'jobs:write',"
            " 'ops:read', 'ops:write']::text[]",
            name=op.f("ck_api_tokens_scopes_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_index(
        "uq_api_tokens_name_in_use",
        "api_tokens",
        ["name"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("session_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _moment("created_at", default=True),
        _moment("last_login_at"),
        _moment("removed_at"),
        sa.CheckConstraint("name <> ''", name=op.f("ck_operators_name_not_empty")),
        sa.CheckConstraint("role IN ('read-only', 'full')", name=op.f("ck_operators_role_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
    )
    op.create_index(
        "uq_operators_name_in_use",
        "operators",
        ["name"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "login_guesses",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _moment("last_at", default=True),
        _moment("locked_until"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_login_guesses")),
    )
    op.create_index("ix_login_guesses_last", "login_guesses", ["last_at"])


def _audit() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _moment("at", default=True),
        _moment("ended_at"),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("filter", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("counts", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "actor_kind IN ('token', 'operator', 'command', 'open')",
            name=op.f("ck_audit_events_actor_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_subject", "audit_events", ["subject", "id"])


def _lists() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "sync_tally",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("filled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            server_default=sa.text("'epoch'"),
            nullable=False,
        ),
        sa.CheckConstraint("singleton", name=op.f("ck_sync_tally_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_sync_tally")),
    )
    op.execute("INSERT INTO sync_tally DEFAULT VALUES")
    words = ["name", "jira_ticket_key", "jira_part_number"]
    op.create_index(
        "ix_jobs_words",
        "jobs",
        words,
        postgresql_using="gin",
        postgresql_ops=dict.fromkeys(words, "gin_trgm_ops"),
    )
    op.create_index(
        "ix_sync_tasks_error_words",
        "sync_tasks",
        ["error_message"],
        postgresql_using="gin",
        postgresql_ops={"error_message": "gin_trgm_ops"},
        postgresql_where=sa.text("error_message IS NOT NULL"),
    )
    for name, columns, where in _TASK_INDEXES:
        op.create_index(
            name, "sync_tasks", columns, postgresql_where=sa.text(where) if where else None
        )
    op.create_index(
        "ix_sync_tasks_filled",
        "sync_tasks",
        ["filled_at"],
        postgresql_include=["created_at"],
        postgresql_where=sa.text("status = 'filled'"),
    )
    op.create_index(
        "ix_sync_attempts_failed",
        "sync_attempts",
        ["ended_at"],
        postgresql_where=sa.text("outcome = 'failed'"),
    )


_TASK_INDEXES = (
    ("ix_sync_tasks_unfilled", ["status", "id"], "status <> 'filled'"),
    ("ix_sync_tasks_error", ["error_code", "id"], "error_code IS NOT NULL"),
    ("ix_sync_tasks_source", ["source", "id"], "source IS NOT NULL"),
    ("ix_sync_tasks_ticket", ["ticket_key", "id"], None),
    ("ix_sync_tasks_changed", ["updated_at", "id"], None),
)


def downgrade() -> None:
    op.drop_index("ix_sync_attempts_failed", table_name="sync_attempts")
    op.drop_index("ix_sync_tasks_filled", table_name="sync_tasks")
    for name, _columns, _where in reversed(_TASK_INDEXES):
        op.drop_index(name, table_name="sync_tasks")
    op.drop_index("ix_sync_tasks_error_words", table_name="sync_tasks")
    op.drop_index("ix_jobs_words", table_name="jobs")
    for table in ("sync_tally", "audit_events", "login_guesses", "operators", "api_tokens"):
        op.drop_table(table)
