"""Jobs, sync tasks, our copy of tickets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WRITE_ONCE = """
CREATE FUNCTION jobs_jira_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.jira_filled_at IS NOT NULL THEN
        IF (OLD.jira_ticket_key, OLD.jira_ticket_summary, OLD.jira_part_number,
            OLD.jira_priority, OLD.jira_epic_link, OLD.jira_labels, OLD.jira_filled_at)
           IS DISTINCT FROM
           (NEW.jira_ticket_key, NEW.jira_ticket_summary, NEW.jira_part_number,
            NEW.jira_priority, NEW.jira_epic_link, NEW.jira_labels, NEW.jira_filled_at) THEN
            RAISE EXCEPTION 'Jira fields of job % are filled and write-once', OLD.id
                USING ERRCODE = 'RC001';
        END IF;
    ELSIF (OLD.jira_ticket_key IS NOT NULL
           AND NEW.jira_ticket_key IS DISTINCT FROM OLD.jira_ticket_key)
       OR (OLD.jira_ticket_summary IS NOT NULL
           AND NEW.jira_ticket_summary IS DISTINCT FROM OLD.jira_ticket_summary)
       OR (OLD.jira_part_number IS NOT NULL
           AND NEW.jira_part_number IS DISTINCT FROM OLD.jira_part_number)
       OR (OLD.jira_priority IS NOT NULL
           AND NEW.jira_priority IS DISTINCT FROM OLD.jira_priority)
       OR (OLD.jira_epic_link IS NOT NULL
           AND NEW.jira_epic_link IS DISTINCT FROM OLD.jira_epic_link)
       OR (OLD.jira_labels IS NOT NULL
           AND NEW.jira_labels IS DISTINCT FROM OLD.jira_labels) THEN
        RAISE EXCEPTION 'A Jira field of job % is already set and write-once', OLD.id
            USING ERRCODE = 'RC001';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER jobs_jira_write_once BEFORE UPDATE ON jobs
    FOR EACH ROW EXECUTE FUNCTION jobs_jira_write_once();
"""


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "jira_pauses",
        sa.Column("credentials_hash", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("credentials_hash", name=op.f("pk_jira_pauses")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("goal_quantity", sa.Integer(), nullable=False),
        sa.Column("jira_ticket_key", sa.Text(), nullable=True),
        sa.Column("jira_ticket_summary", sa.Text(), nullable=True),
        sa.Column("jira_part_number", sa.Text(), nullable=True),
        sa.Column("jira_priority", sa.Text(), nullable=True),
        sa.Column("jira_epic_link", sa.Text(), nullable=True),
        sa.Column("jira_labels", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("jira_issue_id", sa.Text(), nullable=True),
        sa.Column("jira_filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "name_from_ticket", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "quantity_from_ticket", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_jobs_name_not_empty")),
        sa.CheckConstraint("goal_quantity > 0", name=op.f("ck_jobs_goal_quantity_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_jira_ticket_key", "jobs", ["jira_ticket_key"], unique=False)
    op.create_table(
        "sync_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("task_id", sa.Text(collation="C"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('filled', 'failed', 'waiting', 'crashed')",
            name=op.f("ck_sync_attempts_outcome_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_attempts")),
    )
    op.create_index("ix_sync_attempts_ended", "sync_attempts", ["ended_at"], unique=False)
    op.create_index("ix_sync_attempts_task", "sync_attempts", ["task_id", "id"], unique=False)
    op.create_table(
        "sync_tasks",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("job_id", sa.Text(collation="C"), nullable=False),
        sa.Column("ticket_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("lease_token", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crashes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'filled') = (filled_at IS NOT NULL)",
            name=op.f("ck_sync_tasks_filled_has_moment"),
        ),
        sa.CheckConstraint(
            "(status = 'running') = (lease_until IS NOT NULL)",
            name=op.f("ck_sync_tasks_running_has_lease"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'filled', 'failed', 'cancelled')",
            name=op.f("ck_sync_tasks_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_tasks")),
        sa.UniqueConstraint("job_id", name=op.f("uq_sync_tasks_job_id")),
    )
    op.create_index(
        "ix_sync_tasks_due",
        "sync_tasks",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_sync_tasks_lease",
        "sync_tasks",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "ix_sync_tasks_open_ticket",
        "sync_tasks",
        ["ticket_key"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'running', 'failed')"),
    )
    op.create_table(
        "tickets",
        sa.Column("issue_id", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("part_number", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("epic_link", sa.Text(), nullable=True),
        sa.Column(
            "labels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "former_keys",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("jira_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_tickets")),
    )
    op.create_index(
        "ix_tickets_former_keys", "tickets", ["former_keys"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_tickets_key", "tickets", ["key"], unique=False)
    op.execute(WRITE_ONCE)


def downgrade() -> None:
    op.drop_index("ix_tickets_key", table_name="tickets")
    op.drop_index("ix_tickets_former_keys", table_name="tickets", postgresql_using="gin")
    op.drop_table("tickets")
    op.drop_index(
        "ix_sync_tasks_open_ticket",
        table_name="sync_tasks",
        postgresql_where=sa.text("status IN ('pending', 'running', 'failed')"),
    )
    op.drop_index(
        "ix_sync_tasks_lease",
        table_name="sync_tasks",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index(
        "ix_sync_tasks_due", table_name="sync_tasks", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_table("sync_tasks")
    op.drop_index("ix_sync_attempts_task", table_name="sync_attempts")
    op.drop_index("ix_sync_attempts_ended", table_name="sync_attempts")
    op.drop_table("sync_attempts")
    op.drop_index("ix_jobs_jira_ticket_key", table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("jira_pauses")
    op.drop_table("heartbeats")
    op.execute("DROP FUNCTION jobs_jira_write_once()")
