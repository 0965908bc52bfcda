"""Which projects can be polled, and tickets that could not be used."""

from alembic import op

revision = "0010_polled_projects"
down_revision = "0009_values_not_read"

_TABLES = """
CREATE TABLE polled_projects (
    scope text NOT NULL,
    project text NOT NULL,
    state text DEFAULT 'polled' NOT NULL,
    state_since timestamptz DEFAULT now() NOT NULL,
    reason text,
    read_up_to timestamptz,
    checked_at timestamptz,
    CONSTRAINT pk_polled_projects PRIMARY KEY (scope, project),
    CONSTRAINT ck_polled_projects_state_known
        CHECK (state IN ('polled', 'lost', 'back', 'catching_up'))
);
CREATE TABLE unusable_tickets (
    name text NOT NULL,
    scope text NOT NULL,
    reason text NOT NULL,
    first_seen_at timestamptz DEFAULT now() NOT NULL,
    seen_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_unusable_tickets PRIMARY KEY (name)
);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE unusable_tickets")
    op.execute("DROP TABLE polled_projects")
