"""Poll: what changed in Jira since the watermark; keeps our copy of tickets fresh.

A round asks for everything changed since the last one, minus an overlap, and stores page by page,
each in one transaction with how far it got: whatever ends a round early, the next message goes on
where it stopped. A first import is a round that begins at the beginning.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.exc import DataError, IntegrityError, InternalError
from sqlalchemy.orm import Session

from shared.broker.task_names import TaskName
from shared.database.advisory_lock import LockName, advisory_lock
from shared.database.engine import in_transaction
from shared.fill.ingest import ingest
from shared.logs import get_logger
from shared.settings import Settings
from shared.states import Source
from shared.tickets import watermarks
from shared.tickets.watermarks import DEEP_OVERLAP, Round
from shared.webhooks import health as webhook_health
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.port import BATCH, CallRefused, ChangeQuery, JiraError, Page, Ticket
from worker.jira.rate_limit import LONGEST_BLOCK, BudgetExhausted
from worker.runtime import Runtime

log = get_logger(__name__)

LOOK_EVERY = 15.0
"""Beat asks at least this often, in seconds, whether it is time: the row decides, not the beat."""

SLICE_SECONDS = 3.0
"""How long one Celery task polls before it gives the slot back and asks to go on."""

LONGEST_SECONDS = 120.0
"""A slice ends even in the middle of a minute of Jira's time, where the next one begins again."""

TIME_LIMIT = int(LONGEST_SECONDS) + 60
"""Celery's limit for one slice: above the longest slice with its last call and its waits."""

_BUDGET_SHARE = 0.5
"""Part of the budget a poll uses at most, so that jobs that wait for a ticket come through."""

_REFUSED_VALUES = (DataError, IntegrityError, InternalError)


def is_wanted(settings: Settings) -> bool:
    """Whether the settings ask for polling: an interval, a Jira and projects."""
    return bool(settings.jira_poll_seconds and settings.jira_base_url and settings.jira_project)


def look_every(settings: Settings) -> float:
    """Seconds between two messages of the beat."""
    return min(LOOK_EVERY, settings.jira_poll_seconds or LOOK_EVERY)


def poll(runtime: Runtime) -> int:
    """Begin a round where it is time, or go on with the one under way. Returns tickets stored.

    Nothing is raised for what Jira does: the shared pause says it, and the round stays open.
    """
    if not is_wanted(runtime.settings):
        return 0
    with advisory_lock(runtime.engine, LockName.POLL) as may:
        if not may:
            return 0
        current = in_transaction(
            runtime.engine,
            lambda s: watermarks.begin_round(
                s, runtime.settings, every=runtime.settings.jira_poll_seconds
            ),
        )
        look = circuit.check(runtime) if current else CircuitState.OPEN
        if current is None or look is CircuitState.OPEN:
            return 0
        piece = _Slice(runtime, current, probe=look is CircuitState.HALF_OPEN)
        piece.run()
    if piece.to_be_continued:
        runtime.messages.send(TaskName.POLL, expires=LOOK_EVERY)
    return piece.tickets


def query_of(current: Round) -> ChangeQuery:
    """Where the round goes on: at its cursor, else an overlap before the watermark."""
    query = ChangeQuery(projects=current.projects, since=current.cursor, page_size=BATCH)
    if current.cursor is not None or current.watermark is None:
        return query
    if current.deep:
        return ChangeQuery(
            projects=current.projects, since=current.watermark - DEEP_OVERLAP, page_size=BATCH
        )
    return query.after(current.watermark)


@dataclass(slots=True)
class _Slice:
    """The part of a round that one Celery task does."""

    runtime: Runtime
    round: Round
    probe: bool
    tickets: int = 0
    to_be_continued: bool = False
    reached: datetime | None = None

    def run(self) -> None:
        try:
            self._pages()
        except CallRefused as refusal:
            self._refused(refusal)
        except BudgetExhausted:
            log.info("poll_yields", scope=self.round.scope)
        except JiraError as error:
            circuit.trip(self.runtime, error, probe=self.probe)
        log.info(
            "polled",
            tickets=self.tickets,
            to_be_continued=self.to_be_continued,
            reached=self.reached,
        )

    def _pages(self) -> None:
        started = self.runtime.clock.monotonic()
        for number, page in enumerate(self._paced()):
            if not number:
                self._answered()
            self._store(page)
            if self._over(self.runtime.clock.monotonic() - started):
                self.to_be_continued = True
                return
        self._answered()
        in_transaction(self.runtime.engine, lambda s: watermarks.finish(s, self.round.scope))

    def _answered(self) -> None:
        """Jira answered; only the first answer to a probe says that the pause is over."""
        circuit.reset(self.runtime, probe=self.probe)
        self.probe = False

    def _paced(self) -> Iterator[Page]:
        """Pages no faster than our share of the budget."""
        clock = self.runtime.clock
        step = 60.0 / (self.runtime.settings.jira_requests_per_minute * _BUDGET_SHARE)
        asked = clock.monotonic()
        for page in self.runtime.jira.changed_since(query_of(self.round)):
            yield page
            time.sleep(min(LONGEST_BLOCK, max(0.0, asked + step - clock.monotonic())))
            asked = clock.monotonic()

    def _over(self, seconds: float) -> bool:
        """Time is up, and the next slice would not begin where this one did."""
        if seconds >= LONGEST_SECONDS:
            return True
        return seconds >= SLICE_SECONDS and self._minute(self.reached) != self._minute(
            self.round.cursor
        )

    @staticmethod
    def _minute(moment: datetime | None) -> datetime | None:
        return moment.replace(second=0, microsecond=0) if moment else None

    def _store(self, page: Page) -> None:
        """A page and how far it brings us, in one transaction; what is odd hurts itself alone."""
        for name, reason in page.unusable.items():
            log.warning("ticket_unusable", ticket=name, reason=reason)
        try:
            in_transaction(self.runtime.engine, lambda s: self._ingest(s, page, page.tickets))
        except _REFUSED_VALUES:
            self._store_singly(page)
        self.tickets += len(page.tickets)
        self.reached = page.watermark or self.reached

    def _store_singly(self, page: Page) -> None:
        for ticket in page.tickets:
            try:
                in_transaction(self.runtime.engine, partial(self._take, tickets=[ticket]))
            except _REFUSED_VALUES as error:
                log.warning("ticket_unusable", ticket=ticket.key, reason=type(error).__name__)
        in_transaction(self.runtime.engine, lambda s: self._ingest(s, page, []))

    def _ingest(self, session: Session, page: Page, tickets: list[Ticket]) -> None:
        new = watermarks.new_in_round(session, self.round.scope, [t.issue_id for t in tickets])
        self._take(session, tickets)
        watermarks.stored(session, self.round.scope, watermark=page.watermark, tickets=new)

    def _take(self, session: Session, tickets: list[Ticket]) -> int:
        if webhook_health.expected(self.runtime.settings):
            webhook_health.note_polled(session, tickets)
        readings = [(ticket.key, ticket) for ticket in tickets]
        return ingest(session, readings, source=Source.POLL, worker=self.runtime.worker)

    def _refused(self, refusal: CallRefused) -> None:
        """The query is wrong, not Jira: nobody else has to wait for it."""
        self._answered()
        log.warning("poll_refused", status=refusal.status, reason=refusal.message)
        in_transaction(
            self.runtime.engine,
            lambda s: watermarks.refused(s, self.round.scope, reason=refusal.message),
        )
