"""Filling new jobs from a stored ticket, if the settings allow it and the copy is fresh."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.fill import snapshots
from shared.states import Source
from shared.sync import settle as sync_settle
from shared.tickets.queries import ALLOWED

# Only a ticket of the current site that has the key now, as far as we know. A ticket that Jira
# denied since, or that a hint says has changed, is not used.
_FRESH = text(f"""
SELECT s.id AS task_id, s.job_id, c.issue_id FROM sync_tasks s
JOIN LATERAL (
    SELECT t.issue_id FROM tickets t
    WHERE t.site_id = :site AND t.key = s.ticket_key AND t.key_lost_at IS NULL
        AND t.read_at > now() - make_interval(secs => :fresh)
        AND t.deleted_at IS NULL AND t.missing_since IS NULL AND {ALLOWED}
        AND (t.announced_at IS NULL OR t.announced_at <= t.read_at)
    ORDER BY t.proven_at DESC LIMIT 1
) c ON true
WHERE s.job_id = ANY(:ids) AND s.status = 'pending'
ORDER BY s.job_id FOR UPDATE OF s
""")  # noqa: S608  constants alone


def fill_fresh(
    session: Session,
    job_ids: Sequence[str],
    *,
    site_id: int | None,
    fresh_seconds: int,
    allowed: Sequence[str] = (),
    worker: str = "api",
) -> set[str]:
    """Fill these jobs, created or linked in this transaction, from copies read within that time.

    ``site_id`` is the site at the configured address; None if no worker has used that address.
    ``allowed`` are the only projects whose copies are used (empty: all).
    ``fresh_seconds`` is JIRA_COPY_FRESH_SECONDS (docs/jira.md has the trade-off).
    Returns the ids of the filled jobs; the others wait for Jira.
    """
    if site_id is None or not job_ids:
        return set()
    values = {"site": site_id, "ids": list(job_ids), "fresh": fresh_seconds}
    rows = session.execute(_FRESH, {**values, "allowed": list(allowed)}).all()
    if not rows:
        return set()
    snapshots.fill_jobs(session, {row.job_id: row.issue_id for row in rows}, site_id=site_id)
    tasks = [row.task_id for row in rows]
    sync_settle.settle_filled(session, tasks, source=Source.MIRROR, worker=worker)
    return {row.job_id for row in rows}
