"""Webhook deliveries, rejected requests, and changes that no webhook announced."""

from alembic import op

revision = "0003_webhooks"
down_revision = "0002_tickets_and_polls"

_TABLES = """
CREATE TABLE webhook_deliveries (
    id text COLLATE "C" NOT NULL,
    identifier text NOT NULL,
    signed boolean NOT NULL,
    event text,
    ticket_key text,
    issue_id text COLLATE "C",
    retry integer,
    flow text,
    body bytea,
    body_size integer NOT NULL,
    duplicates integer DEFAULT 0 NOT NULL,
    outcome text,
    reason text,
    tries integer DEFAULT 0 NOT NULL,
    lease_token bigint DEFAULT 0 NOT NULL,
    due_at timestamptz DEFAULT now() NOT NULL,
    received_at timestamptz DEFAULT now() NOT NULL,
    applied_at timestamptz,
    request_id text,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id),
    CONSTRAINT uq_webhook_deliveries_identifier_signed UNIQUE (identifier, signed),
    CONSTRAINT ck_webhook_deliveries_outcome_known
        CHECK (outcome IN ('filled', 'noted', 'unlinked', 'stale', 'ignored', 'failed')),
    CONSTRAINT ck_webhook_deliveries_outcome_has_time
        CHECK ((outcome IS NULL) = (applied_at IS NULL))
);
CREATE INDEX ix_webhook_deliveries_waiting ON webhook_deliveries (id) WHERE outcome IS NULL;
CREATE INDEX ix_webhook_deliveries_outcome ON webhook_deliveries (outcome, id);
CREATE INDEX ix_webhook_deliveries_event ON webhook_deliveries (event, id);
CREATE INDEX ix_webhook_deliveries_unsigned ON webhook_deliveries (id) WHERE NOT signed;
CREATE INDEX ix_webhook_deliveries_ticket ON webhook_deliveries (ticket_key, id);
CREATE INDEX ix_webhook_deliveries_issue ON webhook_deliveries (issue_id, received_at);
CREATE INDEX ix_webhook_deliveries_received ON webhook_deliveries (received_at);
CREATE INDEX ix_webhook_deliveries_with_body ON webhook_deliveries (received_at)
    WHERE body IS NOT NULL;

CREATE TABLE webhook_rejections (
    day date NOT NULL,
    reason text NOT NULL,
    count bigint NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT pk_webhook_rejections PRIMARY KEY (day, reason)
);

CREATE TABLE unannounced_changes (
    issue_id text COLLATE "C" NOT NULL,
    ticket_key text NOT NULL,
    changed_at timestamptz NOT NULL,
    found_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_unannounced_changes PRIMARY KEY (issue_id)
);
CREATE INDEX ix_unannounced_changes_found ON unannounced_changes (found_at);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE unannounced_changes, webhook_rejections, webhook_deliveries")
