"""Deletes old rows of tables that grow by event, in batches, so that locks are held briefly."""

from collections.abc import Callable

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

BATCH_SIZE = 5000
"""The most rows that one transaction deletes."""

DeleteBatch = Callable[[Session], int]
"""Deletes one batch; returns its size, which is ``BATCH_SIZE`` if there may be more."""

# A delivery that is not applied yet is never deleted, however old it is.
BODIES = text("""
UPDATE webhook_deliveries SET body = NULL WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE body IS NOT NULL AND received_at < now() - make_interval(days => :days)
        AND outcome IS NOT NULL
    ORDER BY received_at LIMIT :batch_size FOR UPDATE SKIP LOCKED)
RETURNING id
""")
DELIVERIES = text("""
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE received_at < now() - make_interval(days => :days) AND outcome IS NOT NULL
    ORDER BY received_at LIMIT :batch_size FOR UPDATE SKIP LOCKED)
RETURNING id
""")
ATTEMPTS = text("""
DELETE FROM sync_attempts WHERE id IN (
    SELECT id FROM sync_attempts WHERE ended_at < now() - make_interval(days => :days)
    ORDER BY ended_at LIMIT :batch_size FOR UPDATE SKIP LOCKED)
RETURNING id
""")
UNANNOUNCED = text("""
DELETE FROM unannounced_changes WHERE (site_id, issue_id) IN (
    SELECT site_id, issue_id FROM unannounced_changes
    WHERE found_at < now() - make_interval(days => :days)
    ORDER BY found_at LIMIT :batch_size FOR UPDATE SKIP LOCKED)
RETURNING issue_id
""")
SESSIONS = text("""
DELETE FROM operator_sessions WHERE id IN (
    SELECT id FROM operator_sessions WHERE expires_at < now() - make_interval(days => :days)
    ORDER BY expires_at LIMIT :batch_size FOR UPDATE SKIP LOCKED)
RETURNING id
""")


def older_than(days: int, statement: TextClause) -> DeleteBatch:
    """Run one of the statements above on rows that are older."""

    def batch(session: Session) -> int:
        return len(session.execute(statement, {"days": days, "batch_size": BATCH_SIZE}).all())

    return batch
