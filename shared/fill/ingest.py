"""Ingesting tickets: bulk read, webhook and poll all store a ticket and fill jobs here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.fill import snapshots
from shared.states import Source
from shared.sync import settle as sync_settle
from shared.sync import tasks as sync_tasks
from shared.sync.leases import Claim
from shared.sync.settle import Offer
from shared.tickets import store as tickets
from shared.tickets.readings import Reading
from shared.tickets.store import StoredTicket


@dataclass(frozen=True, slots=True)
class Ingested:
    """How many tasks were settled as filled, by issue id, and every key of the tickets."""

    filled: Counter[str]
    keys: frozenset[str]


def ingest(
    session: Session,
    readings: Sequence[Reading],
    *,
    site_id: int,
    source: Source,
    worker: str,
    claims: Sequence[Claim] = (),
) -> Ingested:
    """Store tickets, fill the jobs that wait for them and settle their tasks, in one transaction.

    A job is filled only if its key led to the ticket, with these values, after it was created
    (docs/adr/0018). ``claims`` are those a bulk read was made for. Locks in the one order: tickets
    by issue id, jobs by id, tasks by id.
    """
    if not readings:
        return Ingested(Counter(), frozenset())
    stored = tickets.bring_up_to_date(session, readings, site_id=site_id, source=source)
    offers = [offer for reading in readings for offer in _offers(reading, stored)]
    waiting = sync_settle.waiting_for(
        session, offers, site_id=site_id, source=source, claims=claims
    )
    existing = snapshots.lock_jobs(session, sorted({w.job_id for w in waiting}))
    open_ids = sync_settle.lock_waiting(
        session, [w.task_id for w in waiting if w.job_id in existing], source=source, claims=claims
    )
    filled = {w.job_id: w.issue_id for w in waiting if w.task_id in open_ids}
    snapshots.fill_jobs(session, filled, site_id=site_id)
    sync_settle.settle_filled(session, sorted(open_ids), source=source, worker=worker)
    keys = {key for copy in stored.values() for key in copy.all_keys}
    keys |= {key for reading in readings for key in (reading.ticket.key, *reading.keys)}
    return Ingested(Counter(filled.values()), frozenset(keys))


def ask_again(session: Session, keys: Iterable[str]) -> Counter[str]:
    """A ticket with these keys was reported: tasks that it could not fill are due, to be read.

    Returns how many, by key. Notify the workers after the commit if there are any.
    """
    return sync_tasks.revive(session, sorted(set(keys)))


def _offers(reading: Reading, stored: dict[str, StoredTicket]) -> list[Offer]:
    """The keys that the copy may fill jobs of, and since when it is proven."""
    copy = stored[reading.ticket.issue_id]
    offers = [] if copy.key_lost else [Offer(copy.key, copy.issue_id, copy.proven_at)]
    if copy.holds(reading):
        # The reading proves its own keys no later than its own time, which may be the earlier one.
        proven = min(copy.proven_at, reading.proven_at)
        offers += [Offer(key, copy.issue_id, proven) for key in reading.keys if key != copy.key]
    return offers
