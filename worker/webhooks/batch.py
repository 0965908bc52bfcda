"""One batch of deliveries: the stored tickets they are about, and what ingesting them filled."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from shared.fill.ingest import fill_from_copy
from shared.states import Source
from shared.tickets import store as tickets
from shared.tickets.store import StoredTicket
from shared.tickets.ticket import Ticket
from shared.webhooks import inbox
from worker.webhooks.classify import ClassifiedDelivery, Kind


@dataclass(slots=True)
class Batch:
    """The stored tickets as they were before this batch, locked, and the keys that jobs name."""

    session: Session
    worker: str
    by_issue_id: dict[str, StoredTicket]
    by_key: dict[str, StoredTicket]
    linked_keys: set[str]
    stale: set[str] = field(default_factory=set)
    _filled: Counter[str] = field(default_factory=Counter)
    _credited: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls, session: Session, deliveries: Sequence[ClassifiedDelivery], *, worker: str
    ) -> "Batch":
        """Lock and read what these deliveries are about."""
        useful = [d for d in deliveries if d.kind not in (Kind.OUTSIDE, Kind.IGNORED, Kind.WAIT)]
        stored = tickets.lock_stored(
            session,
            issue_ids=sorted({issue_id for d in useful for issue_id in d.issue_ids}),
            keys=sorted({key for d in useful for key in d.keys}),
        )
        by_key = {key: ticket for ticket in stored for key in ticket.all_keys}
        keys = {key for d in useful for key in d.keys} | set(by_key)
        linked = inbox.linked_keys(session, sorted(keys))
        return cls(session, worker, {t.issue_id: t for t in stored}, by_key, linked)

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

    def is_linked(self, delivery: ClassifiedDelivery) -> bool:
        """Whether a job names a ticket of it, or we hold a copy of one."""
        return bool(self.stored_tickets(delivery) or delivery.keys & self.linked_keys)

    def ticket_names(self, delivery: ClassifiedDelivery) -> str:
        """The tickets' names in a sentence."""
        known = " and ".join(ticket.key for ticket in self.stored_tickets(delivery))
        return delivery.key or known or delivery.ticket_name

    def ingest(self, deliveries: Sequence[ClassifiedDelivery]) -> None:
        """Ingest the tickets of all linked deliveries at once.

        A delivery older than our copy, or than another of this batch, is stale.
        """
        linked = [(d, d.ticket) for d in deliveries if d.ticket is not None and self.is_linked(d)]
        self._find_stale(linked)
        if not linked:
            return
        keys = tickets.bring_up_to_date(
            self.session,
            [(key, ticket) for d, ticket in linked for key in sorted(d.keys)],
            source=Source.WEBHOOK,
            read_at=min(d.claimed.received_at for d, _ in linked),
        )
        self._filled = fill_from_copy(self.session, keys, source=Source.WEBHOOK, worker=self.worker)

    def _find_stale(self, linked: Sequence[tuple[ClassifiedDelivery, Ticket]]) -> None:
        newest = {issue_id: stored.updated_at for issue_id, stored in self.by_issue_id.items()}
        for delivery, ticket in linked:
            delivery_id = delivery.claimed.delivery_id
            if ticket.updated_at < newest.get(ticket.issue_id, ticket.updated_at):
                self.stale.add(delivery_id)
                self._credited.setdefault(ticket.issue_id, delivery_id)
            else:
                newest[ticket.issue_id] = ticket.updated_at
                self._credited[ticket.issue_id] = delivery_id

    def take_filled(self, delivery: ClassifiedDelivery) -> int:
        """Jobs filled by this delivery. Of several about one ticket, only the newest has them."""
        if delivery.ticket is None:
            return 0
        issue_id = delivery.ticket.issue_id
        credited = self._credited.get(issue_id) == delivery.claimed.delivery_id
        return self._filled.pop(issue_id, 0) if credited else 0

    def fill_from_stored(self, stored: StoredTicket) -> int:
        """Fill waiting jobs from our copy as it is. Returns how many."""
        keys = [stored.ticket_keys]
        filled = fill_from_copy(self.session, keys, source=Source.WEBHOOK, worker=self.worker)
        return filled.total()
