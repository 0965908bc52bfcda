"""Bulk actions: retries, cancellations and replays of all that match, done batch by batch."""

from alembic import op

revision = "0007_bulk_actions"
down_revision = "0006_health"

_TABLES = """
CREATE TABLE bulk_actions (
    id text COLLATE "C" NOT NULL,
    operation text NOT NULL,
    filter jsonb NOT NULL,
    audit_id bigint NOT NULL,
    upto text COLLATE "C" NOT NULL,
    cursor text COLLATE "C" DEFAULT '' NOT NULL,
    matched integer NOT NULL,
    changed integer DEFAULT 0 NOT NULL,
    skipped jsonb NOT NULL,
    status text DEFAULT 'running' NOT NULL,
    tries integer DEFAULT 1 NOT NULL,
    lease_token bigint DEFAULT 1 NOT NULL,
    lease_until timestamptz NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_bulk_actions PRIMARY KEY (id),
    CONSTRAINT uq_bulk_actions_audit_id UNIQUE (audit_id),
    CONSTRAINT fk_bulk_actions_audit_id FOREIGN KEY (audit_id) REFERENCES audit_events (id),
    CONSTRAINT ck_bulk_actions_operation_known CHECK (operation IN ('retry', 'cancel', 'replay')),
    CONSTRAINT ck_bulk_actions_status_known CHECK (status IN ('running', 'done', 'failed')),
    CONSTRAINT ck_bulk_actions_end_has_moment CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE INDEX ix_bulk_actions_running ON bulk_actions (lease_until) WHERE ended_at IS NULL;
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE bulk_actions")
