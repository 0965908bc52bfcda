"""Our copy of Jira's tickets, how far the poll has got, the shared pause, resolved fields."""

from alembic import op

revision = "0002_tickets_and_polls"
down_revision = "0001_jobs_and_sync_tasks"

_TABLES = """
CREATE TABLE tickets (
    issue_id text COLLATE "C" NOT NULL,
    key text NOT NULL,
    summary text,
    part_number text,
    priority text,
    epic_link text,
    labels text[] DEFAULT '{}' NOT NULL,
    quantity integer,
    status text,
    done boolean DEFAULT false NOT NULL,
    former_keys text[] DEFAULT '{}' NOT NULL,
    jira_updated_at timestamptz NOT NULL,
    source text NOT NULL,
    read_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    verified_at timestamptz DEFAULT now() NOT NULL,
    missing_since timestamptz,
    CONSTRAINT pk_tickets PRIMARY KEY (issue_id)
);
CREATE INDEX ix_tickets_key ON tickets (key);
CREATE INDEX ix_tickets_verified ON tickets (verified_at);
CREATE INDEX ix_tickets_newest ON tickets (length(issue_id) DESC, issue_id DESC);
CREATE INDEX ix_tickets_former_keys ON tickets USING gin (former_keys);
CREATE INDEX ix_tickets_search ON tickets USING gin (
    key gin_trgm_ops, summary gin_trgm_ops, part_number gin_trgm_ops
);

CREATE TABLE jira_polls (
    scope text NOT NULL,
    projects text[] NOT NULL,
    running boolean DEFAULT true NOT NULL,
    began_at timestamptz DEFAULT now() NOT NULL,
    since timestamptz,
    cursor timestamptz,
    watermark timestamptz,
    deep_at timestamptz DEFAULT now() NOT NULL,
    complete_as_of timestamptz,
    tickets integer DEFAULT 0 NOT NULL,
    imported integer DEFAULT 0 NOT NULL,
    import_started_at timestamptz DEFAULT now() NOT NULL,
    import_done_at timestamptz,
    refusal text,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_jira_polls PRIMARY KEY (scope)
);

CREATE TABLE jira_pauses (
    credentials_hash text NOT NULL,
    code text,
    message text,
    since timestamptz,
    until timestamptz,
    failures integer DEFAULT 0 NOT NULL,
    last_ok_at timestamptz,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_jira_pauses PRIMARY KEY (credentials_hash)
);

CREATE TABLE field_mappings (
    settings_hash text NOT NULL,
    part_number text,
    quantity text,
    epic_link text,
    resolved_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_field_mappings PRIMARY KEY (settings_hash)
);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE field_mappings, jira_pauses, jira_polls, tickets")
