"""What grows by event is cut by age, a bite at a time, so that nobody waits for a lock."""

from collections.abc import Callable

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

BATCH_SIZE = 5000
"""Rows one transaction takes at most."""

DeleteBatch = Callable[[Session], int]
"""One short transaction's work; returns how many rows it took, ``BITE`` where more may wait."""

# An unapplied delivery is never cut, however old: it is work, not history.
_BODIES = text("""
UPDATE webhook_deliveries SET body = NULL WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE body IS NOT NULL AND received_at < now() - make_interval(days => :days)
        AND outcome IS NOT NULL
    ORDER BY received_at LIMIT :bite FOR UPDATE SKIP LOCKED)
RETURNING id
""")
_DELIVERIES = text("""
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE received_at < now() - make_interval(days => :days) AND outcome IS NOT NULL
    ORDER BY received_at LIMIT :bite FOR UPDATE SKIP LOCKED)
RETURNING id
""")
_ATTEMPTS = text("""
DELETE FROM sync_attempts WHERE id IN (
    SELECT id FROM sync_attempts WHERE ended_at < now() - make_interval(days => :days)
    ORDER BY ended_at LIMIT :bite FOR UPDATE SKIP LOCKED)
RETURNING id
""")
_UNANNOUNCED = text("""
DELETE FROM unannounced_changes WHERE issue_id IN (
    SELECT issue_id FROM unannounced_changes
    WHERE found_at < now() - make_interval(days => :days)
    ORDER BY found_at LIMIT :bite FOR UPDATE SKIP LOCKED)
RETURNING issue_id
""")


def delivery_bodies(*, days: int) -> DeleteBatch:
    """Forget the bodies of applied deliveries that are older; their facts stay."""
    return _biting(_BODIES, days)


def deliveries(*, days: int) -> DeleteBatch:
    """Delete applied deliveries that are older."""
    return _biting(_DELIVERIES, days)


def attempts(*, days: int) -> DeleteBatch:
    """Delete attempts of sync tasks that are older; their number stays on the task."""
    return _biting(_ATTEMPTS, days)


def unannounced_changes(*, days: int) -> DeleteBatch:
    """Delete older findings of polls that no webhook announced."""
    return _biting(_UNANNOUNCED, days)


def _biting(statement: TextClause, days: int) -> DeleteBatch:
    def batch(session: Session) -> int:
        return len(session.execute(statement, {"days": days, "bite": BATCH_SIZE}).all())

    return batch
