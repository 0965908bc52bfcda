"""A long history of sync tasks, for tests and measurements of its cost."""

from sqlalchemy import Engine, text

from shared.database.engine import begin

# One row in a hundred failed, one in two hundred waits, one in five hundred is cancelled; all else
# is filled, a fiftieth of it in the last hour. Identifiers are in the order of making.
_SEED = """
INSERT INTO jobs (id, name, goal_quantity, jira_ticket_key, jira_part_number, jira_filled_at,
    created_at)
SELECT 'job_' || lpad(i::text, 26, '0'), (ARRAY['Housing', 'Bracket', 'Bushing', 'Cover',
        'Gear'])[i % 5 + 1] || ' ' || i,
    1, 'PI-' || i, 'ALU-' || i % 1000 || '-7075', now(), {made}
FROM generate_series(1, :n) AS i;

INSERT INTO sync_tasks (id, job_id, ticket_key, status, source, filled_at, error_code,
    error_message, attempts, created_at, updated_at, due_at)
SELECT 'sync_' || lpad(i::text, 26, '0'), 'job_' || lpad(i::text, 26, '0'), 'PI-' || i, s.status,
    CASE WHEN s.status = 'filled' THEN CASE WHEN i % 1000 = 1 THEN 'mirror' ELSE 'api' END END,
    CASE WHEN s.status = 'filled' THEN {made} + interval '1 second' END,
    CASE WHEN s.status = 'failed' THEN
        CASE WHEN i % 300 = 0 THEN 'no_permission' ELSE 'ticket_not_found' END END,
    CASE WHEN s.status = 'failed' THEN 'Jira has no ticket PI-' || i ||
        ', or our account may not see it.' END,
    1, {made}, {made} + interval '1 second', {made}
FROM generate_series(1, :n) AS i,
    LATERAL (SELECT CASE WHEN i % 100 = 0 THEN 'failed' WHEN i % 200 = 50 THEN 'pending'
        WHEN i % 500 = 7 THEN 'cancelled' ELSE 'filled' END AS status) AS s;

INSERT INTO sync_attempts (task_id, started_at, ended_at, source, outcome, code)
SELECT id, updated_at, updated_at, 'api', 'failed', error_code FROM sync_tasks
WHERE status = 'failed';

INSERT INTO webhook_deliveries (id, identifier, signed, ticket_key, body_size, outcome, applied_at,
    received_at)
SELECT 'hook_' || lpad(i::text, 26, '0'), 'd' || i, true, 'PI-' || i, 100, 'noted', {made}, {made}
FROM generate_series(1, :n) AS i
"""
_MADE = (
    "now() - CASE WHEN i > :n * 0.98 THEN interval '1 hour' * (:n - i) / (:n * 0.02) "
    "ELSE interval '1 hour' + interval '300 days' * (:n * 0.98 - i) / :n END"
)


def seed(engine: Engine, number: int) -> None:
    """``number`` jobs with a task each, and as many deliveries, over ten months; analysed."""
    with begin(engine) as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _SEED.replace("{made}", f"({_MADE})").split(";"):
            session.execute(text(statement), {"n": number} if ":n" in statement else {})
        session.execute(
            text(
                "UPDATE filled_count SET until = now() - interval '10 minutes', filled = ("
                "SELECT count(*) FROM sync_tasks WHERE status = 'filled' "
                "AND filled_at <= now() - interval '10 minutes')"
            )
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
