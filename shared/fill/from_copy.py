"""Filling new jobs from a stored ticket, if the settings allow it and the copy is fresh."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.fill import snapshots
from shared.states import Source
from shared.sync import settle as sync_settle
from shared.tickets.queries import ALLOWED

# If two tickets have or had the key, the one that has it now, then the one read last. A ticket
# that Jira denied since, or that a hint says has changed, is not used.
_FRESH = text(f"""
SELECT s.id AS task_id, s.job_id, c.issue_id FROM sync_tasks s
JOIN LATERAL (
    SELECT t.issue_id FROM tickets t
    WHERE (t.key = s.ticket_key OR t.former_keys @> ARRAY[s.ticket_key])
        AND t.read_at > now() - make_interval(secs => :fresh)
        AND t.deleted_at IS NULL AND t.missing_since IS NULL AND {ALLOWED}
        AND (t.announced_at IS NULL OR t.announced_at <= t.read_at)
    ORDER BY t.key = s.ticket_key DESC, t.read_at DESC LIMIT 1
) c ON true
WHERE s.job_id = ANY(:ids) AND s.status = 'pending'
ORDER BY s.job_id FOR UPDATE OF s
""")  # noqa: S608  constants alone


def fill_fresh(
    session: Session,
    job_ids: Sequence[str],
    *,
    fresh_seconds: int,
    allowed: Sequence[str] = (),
    worker: str = "api",
) -> set[str]:
    """Fill these jobs, created or linked in this transaction, from copies read within that time.

    ``allowed`` are the only projects whose copies are used (empty: all).
    ``fresh_seconds`` is JIRA_COPY_FRESH_SECONDS; 0 never fills (docs/jira.md has the trade-off).
    Returns the ids of the filled jobs; the others wait for Jira.
    """
    if not fresh_seconds or not job_ids:
        return set()
    values = {"ids": list(job_ids), "fresh": fresh_seconds, "allowed": list(allowed)}
    rows = session.execute(_FRESH, values).all()
    if not rows:
        return set()
    snapshots.fill_jobs(session, {row.job_id: row.issue_id for row in rows})
    tasks = [row.task_id for row in rows]
    sync_settle.settle_filled(session, tasks, source=Source.MIRROR, worker=worker)
    return {row.job_id for row in rows}
