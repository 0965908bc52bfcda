"""Ingesting tickets: bulk read, webhook and poll all store a ticket and fill jobs here."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from shared.fill import snapshots
from shared.states import Source
from shared.sync import settle as sync_settle
from shared.sync.leases import Claim
from shared.tickets import store as tickets
from shared.tickets.store import TicketKeys
from shared.tickets.ticket import Ticket


def ingest(
    session: Session,
    readings: Sequence[tuple[str, Ticket]],
    *,
    source: Source,
    worker: str,
    claims: Sequence[Claim] = (),
    read_at: datetime | None = None,
) -> int:
    """Store tickets, fill the jobs that wait for them and settle their tasks, in one transaction.

    ``readings`` pairs the requested key with the ticket; ``claims`` are those a bulk
    read was made for; ``read_at`` is when this was Jira's state, None for now. Returns how many
    tasks were settled as filled. Locks in the one order: tickets by issue id, jobs by id, tasks
    by id.
    """
    if not readings:
        return 0
    stored = tickets.bring_up_to_date(session, readings, source=source, read_at=read_at)
    return fill_from_copy(session, stored, source=source, worker=worker, claims=claims).total()


def fill_from_copy(
    session: Session,
    stored: Sequence[TicketKeys],
    *,
    source: Source,
    worker: str,
    claims: Sequence[Claim] = (),
) -> Counter[str]:
    """Fill the jobs that wait for these tickets from the stored copies, and settle their tasks.

    ``source`` is what brought the tickets. Returns how many tasks were settled, by issue id.
    """
    issue_by_key = {key: ticket.issue_id for ticket in stored for key in ticket.keys}
    waiting = sync_settle.waiting_for(session, issue_by_key, source=source, claims=claims)
    existing = snapshots.lock_jobs(session, sorted({w.job_id for w in waiting}))
    open_ids = sync_settle.lock_waiting(
        session, [w.task_id for w in waiting if w.job_id in existing], source=source, claims=claims
    )
    snapshots.fill_jobs(session, {w.job_id: w.issue_id for w in waiting if w.task_id in open_ids})
    sync_settle.settle_filled(session, sorted(open_ids), source=source, worker=worker)
    return Counter(w.issue_id for w in waiting if w.task_id in open_ids)
