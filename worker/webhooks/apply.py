"""Applying a batch of deliveries in one transaction: the outcome of each, and the reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from shared.states import DeliveryOutcome, TaskStatus
from shared.sync import tasks as sync_tasks
from shared.tickets import store as tickets
from shared.webhooks import health as webhook_health
from shared.webhooks.inbox import DeliveryResult
from worker.webhooks.batch import Batch
from worker.webhooks.classify import ClassifiedDelivery, Kind

MAPPING_WAIT_SECONDS = 5.0
"""How long a delivery waits for the field mapping."""
RUNNING_WAIT_SECONDS = 2.0
"""How long a hint waits for a running read, which may have begun before the change."""

_CONTRADICTION = (
    "Its times and those of our copy of {ticket} contradict each other, as after a restore from a "
    "backup, so it is a hint"
)
_RESTORED = "Jira had {ticket} after this deletion was written, so it is a hint"


@dataclass(slots=True)
class BatchResults:
    """What became of a batch: results, deliveries to postpone, and tasks that hints made due.

    ``postponed`` pairs a delivery with the seconds until its next try.
    """

    results: list[DeliveryResult] = field(default_factory=list)
    postponed: list[tuple[ClassifiedDelivery, float]] = field(default_factory=list)
    due: int = 0


def apply_deliveries(
    session: Session, deliveries: Sequence[ClassifiedDelivery], *, site_id: int, worker: str
) -> BatchResults:
    """Apply these deliveries of this site, in order of receipt, in the caller's transaction.

    Locks in the one order: tickets by issue id, jobs by id, tasks by id.
    """
    applying = _Applying(Batch.load(session, deliveries, site_id=site_id, worker=worker))
    applying.batch.ingest(deliveries)
    for delivery in deliveries:
        applying.apply(delivery)
    announced = {r.issue_id for r in applying.results.results if r.issue_id is not None}
    announced.update(issue_id for delivery in deliveries for issue_id in delivery.other_ids)
    webhook_health.clear_unannounced(session, sorted(announced), site_id=site_id)
    return applying.results


@dataclass(slots=True)
class _Applying:
    batch: Batch
    results: BatchResults = field(default_factory=BatchResults)

    def apply(self, delivery: ClassifiedDelivery) -> None:
        match delivery.kind:
            case Kind.WAIT:
                self.results.postponed.append((delivery, MAPPING_WAIT_SECONDS))
            case Kind.OUTSIDE:
                self._end_outside(delivery)
            case Kind.IGNORED:
                self._end(delivery, DeliveryOutcome.IGNORED, delivery.note)
            case _ if not self.batch.is_linked(delivery):
                reason = f"No job names {delivery.ticket_name}."
                self._end(delivery, DeliveryOutcome.UNLINKED, reason)
            case Kind.READING:
                self._apply_reading(delivery)
            case Kind.DELETION:
                self._apply_deletion(delivery)
            case Kind.HINT:
                self._apply_hint(delivery)

    def _apply_reading(self, delivery: ClassifiedDelivery) -> None:
        stale = delivery.claimed.delivery_id in self.batch.stale
        age = f"It is older than our copy of {delivery.ticket_name}, which stays as it is"
        asked = self._asked_text(delivery)
        if count := self.batch.take_filled(delivery):
            text = f"{age}; {_jobs(count)} filled from the copy" if stale else ""
            text = text or f"Filled {_jobs(count)}"
            self._end(delivery, DeliveryOutcome.FILLED, f"{text}{asked}.")
        elif delivery.claimed.delivery_id in self.batch.contradicting:
            text = _CONTRADICTION.format(ticket=delivery.ticket_name)
            outcome = DeliveryOutcome.NOTED if asked else DeliveryOutcome.STALE
            self._end(delivery, outcome, f"{text}{asked}.")
        elif stale:
            self._end(delivery, DeliveryOutcome.STALE, f"{age}{asked}.")
        else:
            text = f"{_update_text(delivery)}{asked or '; no job waited for it'}."
            self._end(delivery, DeliveryOutcome.NOTED, text)

    def _asked_text(self, delivery: ClassifiedDelivery) -> str:
        due = self.batch.take_due(delivery)
        self.results.due += due
        return f"; the ticket is read for {_jobs(due)} that it cannot fill" if due else ""

    def _apply_deletion(self, delivery: ClassifiedDelivery) -> None:
        """Fill waiting jobs from the ticket's last state; fail their tasks where there is none."""
        stored, announced_at = self.batch.stored_ticket(delivery), delivery.written_at
        if announced_at is None or (stored is not None and stored.proven_at > announced_at):
            self._apply_hint(replace(delivery, note=_RESTORED.format(ticket=delivery.ticket_name)))
            return
        count = self.batch.take_filled(delivery)
        failed = self._fail_deleted(delivery, announced_at)
        for issue_id in {delivery.issue_id, stored.issue_id if stored else None} - {None}:
            tickets.mark_deleted(
                self.batch.session,
                str(issue_id),
                site_id=self.batch.site_id,
                announced_at=announced_at,
            )
        text = f"{delivery.ticket_name} was deleted in Jira"
        if count:
            self._end(delivery, DeliveryOutcome.FILLED, f"{text}; filled {_jobs(count)} before.")
        else:
            lost = f"; {_jobs(failed)} that waited for it cannot be filled" if failed else ""
            self._end(delivery, DeliveryOutcome.NOTED, f"{text}{lost}.")

    def _fail_deleted(self, delivery: ClassifiedDelivery, announced_at: datetime) -> int:
        """Fail the tasks of the deleted ticket's key, except those made after it was deleted."""
        session, key = self.batch.session, self.batch.last_key(delivery)
        waiting = TaskStatus.PENDING
        left = sync_tasks.ids_by_ticket(
            session, [key] if key else [], status=waiting, made_by=announced_at
        )
        return sync_tasks.fail_deleted(session, left, worker=self.batch.worker) if left else 0

    def _apply_hint(self, delivery: ClassifiedDelivery) -> None:
        session, keys = self.batch.session, self.batch.all_keys(delivery)
        copies = [ticket.issue_id for ticket in self.batch.stored_tickets(delivery)]
        tickets.record_announced(session, copies, site_id=self.batch.site_id)
        if sync_tasks.ids_by_ticket(session, keys, status=TaskStatus.RUNNING):
            self.results.postponed.append((delivery, RUNNING_WAIT_SECONDS))
            return
        due = sync_tasks.revive(session, keys).total()
        self.results.due += due
        name = self.batch.ticket_names(delivery)
        if due:
            text = f"{delivery.note}: {_jobs(due)} that waited for {name} made due."
            self._end(delivery, DeliveryOutcome.NOTED, text)
        elif copies:
            text = f"{delivery.note}: no job waits for {name}, whose copy will be read again."
            self._end(delivery, DeliveryOutcome.NOTED, text)
        else:
            text = f"{delivery.note}, and no job waits for {name}."
            self._end(delivery, DeliveryOutcome.IGNORED, text)

    def _end_outside(self, delivery: ClassifiedDelivery) -> None:
        """Our copy of a ticket that was moved out of our projects counts as deleted."""
        if delivery.issue_id and delivery.moved_out_at:
            tickets.mark_moved_out(
                self.batch.session,
                delivery.issue_id,
                site_id=self.batch.site_id,
                changed_at=delivery.moved_out_at,
            )
        self._end(delivery, DeliveryOutcome.IGNORED, delivery.note)

    def _end(self, delivery: ClassifiedDelivery, outcome: DeliveryOutcome, reason: str) -> None:
        stored = self.batch.stored_ticket(delivery)
        self.results.results.append(
            DeliveryResult(
                claimed=delivery.claimed,
                outcome=outcome,
                reason=reason,
                event=delivery.event,
                ticket_key=delivery.key or (stored.key if stored else None),
                issue_id=delivery.issue_id or (stored.issue_id if stored else None),
                keep_body=delivery.kind is not Kind.OUTSIDE,
            )
        )


def _update_text(delivery: ClassifiedDelivery) -> str:
    former = " and ".join(delivery.former_keys)
    moved = f"{former} is now {delivery.ticket_name}. " if former else ""
    return f"{moved}Our copy of {delivery.ticket_name} is up to date"


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
