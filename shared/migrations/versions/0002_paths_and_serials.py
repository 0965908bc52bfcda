"""Paths and steps with their counts, serial numbers from one counter row, their history."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A history can go only after its unit: with a deleted job, whose units are deleted before it.
APPEND_ONLY = """
CREATE FUNCTION serial_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (
            SELECT FROM gone g JOIN serials s ON s.number = g.serial_number
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION 'The history of serial numbers is append-only'
        USING ERRCODE = 'RC002';
END $$;

CREATE TRIGGER serial_events_never_change BEFORE UPDATE OR TRUNCATE ON serial_events
    FOR EACH STATEMENT EXECUTE FUNCTION serial_events_append_only();

CREATE TRIGGER serial_events_outlive_no_unit AFTER DELETE ON serial_events
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION serial_events_append_only();
"""


def upgrade() -> None:
    op.create_table(
        "serial_counter",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("ck_serial_counter_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_serial_counter")),
    )
    op.create_table(
        "serial_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("serial_number", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("from_step_id", sa.Text(collation="C"), nullable=True),
        sa.Column("from_index", sa.Integer(), nullable=True),
        sa.Column("to_step_id", sa.Text(collation="C"), nullable=True),
        sa.Column("to_index", sa.Integer(), nullable=True),
        sa.Column(
            "bypassed_step_ids",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "action IN ('created', 'advanced', 'completed', 'scrapped')",
            name=op.f("ck_serial_events_action_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_serial_events")),
    )
    op.create_index(
        "ix_serial_events_serial_number", "serial_events", ["serial_number", "id"], unique=False
    )
    op.create_table(
        "paths",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("job_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("goal_quantity", sa.Integer(), nullable=False),
        sa.Column("advancement_mode", sa.Text(), nullable=False),
        sa.Column("total_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("completed_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("scrapped_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
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
        sa.CheckConstraint(
            "advancement_mode IN ('strict', 'flexible', 'per_step')",
            name=op.f("ck_paths_mode_known"),
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_paths_name_not_empty")),
        sa.CheckConstraint(
            "completed_count >= 0 AND scrapped_count >= 0"
            " AND completed_count + scrapped_count <= total_count",
            name=op.f("ck_paths_counts_add_up"),
        ),
        sa.CheckConstraint("goal_quantity > 0", name=op.f("ck_paths_goal_quantity_positive")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_paths_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paths")),
        sa.UniqueConstraint("id", "job_id", name=op.f("uq_paths_id_job_id")),
    )
    op.create_index("ix_paths_job_id", "paths", ["job_id", "id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("path_id", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("optional", sa.Boolean(), nullable=False),
        sa.Column("dependency_type", sa.Text(), nullable=False),
        sa.Column("present", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("passed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("scrapped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "dependency_type IN ('physical', 'preferred', 'completion_gate')",
            name=op.f("ck_steps_dependency_known"),
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_steps_name_not_empty")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_steps_position_from_zero")),
        sa.CheckConstraint(
            "present >= 0 AND passed >= 0 AND scrapped >= 0",
            name=op.f("ck_steps_counts_not_negative"),
        ),
        sa.ForeignKeyConstraint(["path_id"], ["paths.id"], name=op.f("fk_steps_path_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
        sa.UniqueConstraint("id", "path_id", name=op.f("uq_steps_id_path_id")),
        sa.UniqueConstraint(
            "path_id", "position", deferrable=True, name=op.f("uq_steps_path_id_position")
        ),
    )
    op.create_table(
        "serials",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.Text(collation="C"), nullable=False),
        sa.Column("path_id", sa.Text(collation="C"), nullable=False),
        sa.Column("step_id", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(), server_default="in_progress", nullable=False),
        sa.Column("scrap_reason", sa.Text(), nullable=True),
        sa.Column("scrap_explanation", sa.Text(), nullable=True),
        sa.Column("scrapped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scrapped_by", sa.Text(), nullable=True),
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
            "(status = 'completed') = (step_id IS NULL)",
            name=op.f("ck_serials_completed_at_no_step"),
        ),
        sa.CheckConstraint(
            "(status = 'scrapped') = (scrap_reason IS NOT NULL)"
            " AND (status = 'scrapped') = (scrapped_at IS NOT NULL)",
            name=op.f("ck_serials_scrapped_says_why_and_when"),
        ),
        sa.CheckConstraint(
            "scrap_reason IN ('out_of_tolerance', 'process_defect', 'damaged',"
            " 'operator_error', 'other')",
            name=op.f("ck_serials_scrap_reason_known"),
        ),
        sa.CheckConstraint(
            "status IN ('in_progress', 'completed', 'scrapped')",
            name=op.f("ck_serials_status_known"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_serials_number_positive")),
        sa.ForeignKeyConstraint(
            ["path_id", "job_id"],
            ["paths.id", "paths.job_id"],
            name=op.f("fk_serials_path_id_job_id"),
        ),
        sa.ForeignKeyConstraint(
            ["step_id", "path_id"],
            ["steps.id", "steps.path_id"],
            name=op.f("fk_serials_step_id_path_id"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_serials")),
    )
    op.create_index("ix_serials_job_id", "serials", ["job_id", "status", "number"], unique=False)
    op.create_index("ix_serials_path_id", "serials", ["path_id", "status", "number"], unique=False)
    op.create_index("ix_serials_status", "serials", ["status", "number"], unique=False)
    op.create_index("ix_serials_step_id", "serials", ["step_id", "number"], unique=False)
    op.execute("INSERT INTO serial_counter (last_number) VALUES (0)")
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.drop_index("ix_serials_step_id", table_name="serials")
    op.drop_index("ix_serials_status", table_name="serials")
    op.drop_index("ix_serials_path_id", table_name="serials")
    op.drop_index("ix_serials_job_id", table_name="serials")
    op.drop_table("serials")
    op.drop_table("steps")
    op.drop_index("ix_paths_job_id", table_name="paths")
    op.drop_table("paths")
    op.drop_index("ix_serial_events_serial_number", table_name="serial_events")
    op.drop_table("serial_events")
    op.drop_table("serial_counter")
    op.execute("DROP FUNCTION serial_events_append_only()")
