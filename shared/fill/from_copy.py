"""Filling new jobs from a stored ticket, if the settings allow it and the copy is fresh."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.fill import snapshots
from shared.states import Source
from shared.sync import settle as sync_settle

# If two tickets have or had the key, the one that has it now, then the one read last. A ticket
# that Jira denied since is not used.
_FRESH = text("""
SELECT t.id AS task_id, t.job_id, c.issue_id FROM sync_tasks t
JOIN LATERAL (
    SELECT issue_id FROM tickets
    WHERE (key = t.ticket_key OR former_keys @> ARRAY[t.ticket_key])
        AND read_at > now() - make_interval(secs => :fresh)
        AND deleted_at IS NULL AND missing_since IS NULL
    ORDER BY key = t.ticket_key DESC, read_at DESC LIMIT 1
) c ON true
WHERE t.job_id = ANY(:ids) AND t.status = 'pending'
ORDER BY t.job_id FOR UPDATE OF t
""")


def fill_fresh(
    session: Session, job_ids: Sequence[str], *, fresh_seconds: int, worker: str = "api"
) -> set[str]:
    """Fill these jobs, created or linked in this transaction, from copies read within that time.

    ``fresh_seconds`` is JIRA_COPY_FRESH_SECONDS; 0 never fills (docs/jira.md has the trade-off).
    Returns the ids of the filled jobs; the others wait for Jira.
    """
    if not fresh_seconds or not job_ids:
        return set()
    rows = session.execute(_FRESH, {"ids": list(job_ids), "fresh": fresh_seconds}).all()
    if not rows:
        return set()
    snapshots.fill_jobs(session, {row.job_id: row.issue_id for row in rows})
    tasks = [row.task_id for row in rows]
    sync_settle.settle_filled(session, tasks, source=Source.MIRROR, worker=worker)
    return {row.job_id for row in rows}
