"""The one way a ticket comes in: bulk read, webhook and poll all end here."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from shared.fill import snapshots
from shared.states import Source
from shared.sync import tasks as sync_tasks
from shared.sync.tasks import Claim
from shared.tickets import store as tickets
from shared.tickets.store import TicketKeys
from shared.tickets.ticket import Ticket


def ingest(
    session: Session,
    readings: Sequence[tuple[str, Ticket]],
    *,
    source: Source,
    worker: str,
    held: Sequence[Claim] = (),
    read_at: datetime | None = None,
) -> int:
    """Take tickets in, in the caller's transaction: our copy, the jobs that wait, their tasks.

    ``readings`` pair the key asked for with the ticket that came; ``held`` are the claims a bulk
    read was made for; ``read_at`` is when this was Jira's state, None for now. Returns how many
    tasks were settled as filled. Locks in the one order: tickets by issue id, jobs by id, tasks
    by id.
    """
    if not readings:
        return 0
    known = tickets.bring_up_to_date(session, readings, source=source, read_at=read_at)
    return fill_from_copy(session, known, source=source, worker=worker, held=held).total()


def fill_from_copy(
    session: Session,
    known: Sequence[TicketKeys],
    *,
    source: Source,
    worker: str,
    held: Sequence[Claim] = (),
) -> Counter[str]:
    """Fill the jobs that wait for these tickets with what our copy holds, and settle their tasks.

    Returns how many tasks were settled, by issue id. ``source`` is what brought the tickets.
    """
    issue_by_key = {key: ticket.issue_id for ticket in known for key in ticket.keys}
    waiting = sync_tasks.waiting_for(session, issue_by_key, source=source, held=held)
    existing = snapshots.lock_jobs(session, sorted({w.job_id for w in waiting}))
    open_ids = sync_tasks.lock_open(
        session, [w.task_id for w in waiting if w.job_id in existing], source=source, held=held
    )
    snapshots.fill_jobs(session, {w.job_id: w.issue_id for w in waiting if w.task_id in open_ids})
    sync_tasks.settle_filled(session, sorted(open_ids), source=source, worker=worker)
    return Counter(w.issue_id for w in waiting if w.task_id in open_ids)
