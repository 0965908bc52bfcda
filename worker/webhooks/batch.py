"""One batch of deliveries: the stored tickets they are about, and what ingesting them filled."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from shared.fill.ingest import ask_again, ingest
from shared.states import Source
from shared.tickets import store as tickets
from shared.tickets.readings import Reading
from shared.tickets.store import StoredTicket
from shared.webhooks import inbox
from worker.webhooks.classify import ClassifiedDelivery, Kind


@dataclass(slots=True)
class Batch:
    """The stored tickets as they were before this batch, locked, and the keys that jobs name."""

    session: Session
    site_id: int
    worker: str
    by_issue_id: dict[str, StoredTicket]
    by_key: dict[str, StoredTicket]
    linked_keys: set[str]
    stale: set[str] = field(default_factory=set)
    contradicting: set[str] = field(default_factory=set)
    due: Counter[str] = field(default_factory=Counter)
    _filled: Counter[str] = field(default_factory=Counter)
    _credited: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        session: Session,
        deliveries: Sequence[ClassifiedDelivery],
        *,
        site_id: int,
        worker: str,
    ) -> "Batch":
        """Lock and read what these deliveries are about, on this site."""
        useful = [d for d in deliveries if d.kind not in (Kind.OUTSIDE, Kind.IGNORED, Kind.WAIT)]
        stored = tickets.lock_stored(
            session,
            site_id=site_id,
            issue_ids=sorted({issue_id for d in useful for issue_id in d.issue_ids}),
            keys=sorted({key for d in useful for key in d.keys}),
        )
        by_key = {key: ticket for ticket in stored for key in ticket.all_keys}
        by_key |= {ticket.key: ticket for ticket in stored if not ticket.key_lost}
        keys = {key for d in useful for key in d.keys} | set(by_key)
        linked = inbox.linked_keys(session, sorted(keys))
        return cls(session, site_id, worker, {t.issue_id: t for t in stored}, by_key, linked)

    def stored_ticket(self, delivery: ClassifiedDelivery) -> StoredTicket | None:
        """Our copy by issue id, or by key where the delivery has no id."""
        if delivery.issue_id is not None:
            return self.by_issue_id.get(delivery.issue_id)
        return self.by_key.get(delivery.key or "")

    def stored_tickets(self, delivery: ClassifiedDelivery) -> list[StoredTicket]:
        """Our copies of all tickets it is about: an issue link is about two."""
        others = (self.by_issue_id.get(issue_id) for issue_id in delivery.other_ids)
        return [ticket for ticket in (*others, self.stored_ticket(delivery)) if ticket is not None]

    def all_keys(self, delivery: ClassifiedDelivery) -> list[str]:
        """Every key the tickets have or had, as the delivery and our copies say."""
        stored = self.stored_tickets(delivery)
        return sorted(delivery.keys.union(*(ticket.all_keys for ticket in stored)))

    def last_key(self, delivery: ClassifiedDelivery) -> str | None:
        """The key of the delivery, or else the present one of our copy."""
        stored = self.stored_ticket(delivery)
        if delivery.key is not None or stored is None or stored.key_lost:
            return delivery.key
        return stored.key

    def is_linked(self, delivery: ClassifiedDelivery) -> bool:
        """Whether a job names a ticket of it, or we hold a copy of one."""
        return bool(self.stored_tickets(delivery) or delivery.keys & self.linked_keys)

    def ticket_names(self, delivery: ClassifiedDelivery) -> str:
        """The tickets' names in a sentence."""
        known = " and ".join(ticket.key for ticket in self.stored_tickets(delivery))
        return delivery.key or known or delivery.ticket_name

    def ingest(self, deliveries: Sequence[ClassifiedDelivery]) -> None:
        """Ingest the tickets of all linked deliveries at once.

        Tasks that a reading cannot fill are due: their tickets are read directly.
        """
        linked = [(d, d.reading) for d in deliveries if self.is_linked(d)]
        readings = [(d, reading) for d, reading in linked if reading is not None]
        self._compare(readings)
        self._filled = ingest(
            self.session,
            [reading for _, reading in readings],
            site_id=self.site_id,
            source=Source.WEBHOOK,
            worker=self.worker,
        ).filled
        changed = [d for d, _ in readings if d.kind is Kind.READING]
        self.due = ask_again(self.session, {key for d in changed for key in self.all_keys(d)})

    def _compare(self, readings: Sequence[tuple[ClassifiedDelivery, Reading]]) -> None:
        """Note which deliveries are older than our copy, or than another of this batch.

        Those whose times contradict our copy are noted too: it may be from before a restore.
        """
        newest = {issue_id: stored.updated_at for issue_id, stored in self.by_issue_id.items()}
        for delivery, reading in readings:
            delivery_id, ticket = delivery.claimed.delivery_id, reading.ticket
            stored = self.by_issue_id.get(ticket.issue_id)
            if stored is not None and stored.contradicts(reading):
                self.contradicting.add(delivery_id)
                self._credited.setdefault(ticket.issue_id, delivery_id)
            elif ticket.updated_at < newest.get(ticket.issue_id, ticket.updated_at):
                self.stale.add(delivery_id)
                self._credited.setdefault(ticket.issue_id, delivery_id)
            else:
                newest[ticket.issue_id] = ticket.updated_at
                self._credited[ticket.issue_id] = delivery_id

    def take_due(self, delivery: ClassifiedDelivery) -> int:
        """Tasks that this delivery made due. Of several about one ticket, the first has them."""
        return sum(self.due.pop(key, 0) for key in self.all_keys(delivery))

    def take_filled(self, delivery: ClassifiedDelivery) -> int:
        """Jobs filled by this delivery. Of several about one ticket, only the newest has them."""
        if delivery.ticket is None:
            return 0
        issue_id = delivery.ticket.issue_id
        credited = self._credited.get(issue_id) == delivery.claimed.delivery_id
        return self._filled.pop(issue_id, 0) if credited else 0
