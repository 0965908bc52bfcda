"""Applies deliveries in one transaction and says of each what became of it, and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from shared.fill.ingest import fill_from_copy
from shared.states import DeliveryOutcome, Source, TaskStatus
from shared.sync import tasks as sync_tasks
from shared.tickets import store as tickets
from shared.tickets.store import StoredTicket
from shared.tickets.ticket import Ticket
from shared.webhooks import health as webhook_health
from shared.webhooks import inbox
from shared.webhooks.inbox import DeliveryResult
from worker.webhooks.classify import ClassifiedDelivery, Kind

RUNNING_SECONDS = 2.0
"""How long a hint waits for a read that is under way: it may have begun before the change."""


@dataclass(slots=True)
class BatchResults:
    """What became of some deliveries; ``due`` counts the tasks that hints made due."""

    verdicts: list[DeliveryResult] = field(default_factory=list)
    waiting: list[tuple[ClassifiedDelivery, float]] = field(default_factory=list)
    due: int = 0


def judge(session: Session, notices: Sequence[ClassifiedDelivery], *, worker: str) -> BatchResults:
    """Apply these deliveries, in order of receipt, in the caller's transaction.

    Locks in the one order: tickets by issue id, jobs by id, tasks by id.
    """
    bench = _Bench.of(session, notices, worker=worker)
    bench.read_all([(n, n.ticket) for n in notices if n.ticket is not None])
    for notice in notices:
        bench.judge(notice)
    webhook_health.announced(session, sorted(bench.seen))
    return bench.judgement


@dataclass(slots=True)
class _Bench:
    """Our copies as they stood before, which keys jobs name, and what readings filled."""

    session: Session
    worker: str
    copies: dict[str, StoredTicket]
    copy_by_key: dict[str, StoredTicket]
    linked: set[str]
    judgement: BatchResults = field(default_factory=BatchResults)
    filled: Counter[str] = field(default_factory=Counter)
    stale: set[str] = field(default_factory=set)
    credited: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, session: Session, notices: Sequence[ClassifiedDelivery], *, worker: str
    ) -> "_Bench":
        known = [n for n in notices if n.kind not in (Kind.IGNORED, Kind.WAIT)]
        standing = tickets.standing(
            session,
            issue_ids=sorted({n.issue_id for n in known if n.issue_id}),
            keys=sorted({key for n in known for key in n.keys}),
        )
        by_key = {key: copy for copy in standing for key in copy.known().keys}
        keys = {key for n in known for key in n.keys} | set(by_key)
        linked = inbox.linked(session, sorted(keys))
        copies = {copy.issue_id: copy for copy in standing}
        return cls(session, worker, copies, by_key, linked)

    def copy_of(self, notice: ClassifiedDelivery) -> StoredTicket | None:
        """Our copy by the ticket's identity; by its key only where the id is not said."""
        if notice.issue_id is not None:
            return self.copies.get(notice.issue_id)
        return self.copy_by_key.get(notice.key or "")

    def keys_of(self, notice: ClassifiedDelivery) -> set[str]:
        copy = self.copy_of(notice)
        return notice.keys | (set(copy.known().keys) if copy else set())

    def concerns_us(self, notice: ClassifiedDelivery) -> bool:
        """Whether a job names the ticket, or we keep a copy of it anyway."""
        return self.copy_of(notice) is not None or bool(notice.keys & self.linked)

    def read_all(self, readings: Iterable[tuple[ClassifiedDelivery, Ticket]]) -> None:
        """Take all tickets in at once; what is older than what came before it is stale."""
        ours = [(notice, ticket) for notice, ticket in readings if self.concerns_us(notice)]
        newest: dict[str, datetime] = {i: copy.updated_at for i, copy in self.copies.items()}
        for notice, ticket in ours:
            if ticket.updated_at < newest.get(ticket.issue_id, ticket.updated_at):
                self.stale.add(notice.claimed.delivery_id)
                self.credited.setdefault(ticket.issue_id, notice.claimed.delivery_id)
            else:
                newest[ticket.issue_id] = ticket.updated_at
                self.credited[ticket.issue_id] = notice.claimed.delivery_id
        if ours:
            self._ingest(ours)

    def _ingest(self, ours: Sequence[tuple[ClassifiedDelivery, Ticket]]) -> None:
        readings = [(key, ticket) for notice, ticket in ours for key in sorted(notice.keys)]
        known = tickets.bring_up_to_date(
            self.session,
            readings,
            source=Source.WEBHOOK,
            read_at=min(notice.claimed.received_at for notice, _ in ours),
        )
        self.filled = fill_from_copy(self.session, known, source=Source.WEBHOOK, worker=self.worker)

    def judge(self, notice: ClassifiedDelivery) -> None:
        """One delivery's outcome."""
        match notice.kind:
            case Kind.WAIT:
                self.judgement.waiting.append((notice, 5.0))
            case Kind.IGNORED:
                self._end(notice, DeliveryOutcome.IGNORED, notice.note)
            case _ if not self.concerns_us(notice):
                self._end(notice, DeliveryOutcome.UNLINKED, f"No job names {notice.named}.")
            case Kind.READING:
                self._judge_reading(notice)
            case Kind.DELETION:
                self._judge_deletion(notice)
            case Kind.HINT:
                self._judge_hint(notice)

    def _judge_reading(self, notice: ClassifiedDelivery) -> None:
        stale = notice.claimed.delivery_id in self.stale
        age = f"It is older than our copy of {notice.named}, which stays as it is"
        if count := self._credit(notice):
            text = f"{age}; {_jobs(count)} filled from the copy." if stale else ""
            self._end(notice, DeliveryOutcome.FILLED, text or f"Filled {_jobs(count)}.")
        elif stale:
            self._end(notice, DeliveryOutcome.STALE, f"{age}.")
        else:
            self._end(notice, DeliveryOutcome.NOTED, f"{_news(notice)}; no job waited for it.")

    def _judge_deletion(self, notice: ClassifiedDelivery) -> None:
        count = self._credit(notice)
        copy = self.copy_of(notice)
        if notice.ticket is None and copy is not None:
            found = fill_from_copy(
                self.session, [copy.known()], source=Source.WEBHOOK, worker=self.worker
            )
            count += found.total()
        left = sync_tasks.naming(
            self.session, sorted(self.keys_of(notice)), status=TaskStatus.PENDING
        )
        failed = sync_tasks.deleted_in_jira(self.session, left, worker=self.worker) if left else 0
        gone = {notice.issue_id, copy.issue_id if copy else None} - {None}
        tickets.mark_deleted(self.session, [issue_id for issue_id in gone if issue_id])
        text = f"{notice.named} was deleted in Jira"
        if count:
            self._end(notice, DeliveryOutcome.FILLED, f"{text}; filled {_jobs(count)} before.")
        else:
            lost = f"; {_jobs(failed)} waited for it in vain" if failed else ""
            self._end(notice, DeliveryOutcome.NOTED, f"{text}{lost}.")

    def _judge_hint(self, notice: ClassifiedDelivery) -> None:
        keys = sorted(self.keys_of(notice))
        if sync_tasks.naming(self.session, keys, status=TaskStatus.RUNNING):
            self.judgement.waiting.append((notice, RUNNING_SECONDS))
            return
        due = sync_tasks.hint(self.session, keys).total()
        self.judgement.due += due
        if due:
            text = f"{notice.note}: {_jobs(due)} that waited for {notice.named} made due."
            self._end(notice, DeliveryOutcome.NOTED, text)
        else:
            text = f"{notice.note}, and no job waits for {notice.named}."
            self._end(notice, DeliveryOutcome.IGNORED, text)

    def _credit(self, notice: ClassifiedDelivery) -> int:
        """Jobs this delivery filled: of several about one ticket, the newest counts them."""
        if notice.ticket is None:
            return 0
        issue_id = notice.ticket.issue_id
        mine = self.credited.get(issue_id) == notice.claimed.delivery_id
        return self.filled.pop(issue_id, 0) if mine else 0

    def _end(self, notice: ClassifiedDelivery, outcome: DeliveryOutcome, reason: str) -> None:
        copy = self.copy_of(notice)
        issue_id = notice.issue_id or (copy.issue_id if copy else None)
        if issue_id is not None:
            self.seen.add(issue_id)
        self.judgement.verdicts.append(
            DeliveryResult(
                claimed=notice.claimed,
                outcome=outcome,
                reason=reason,
                event=notice.event,
                ticket_key=notice.key,
                issue_id=issue_id,
            )
        )


def _news(notice: ClassifiedDelivery) -> str:
    moved = (
        f"{' and '.join(notice.former_keys)} is now {notice.named}. " if notice.former_keys else ""
    )
    return f"{moved}Our copy of {notice.named} is up to date"


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
