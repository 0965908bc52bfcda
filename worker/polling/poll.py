"""Poll: read what changed in Jira since the watermark, so that our copies stay fresh.

A round searches for everything that changed since the last round, plus an overlap. Each page is
stored in one transaction together with the round's progress, so a round that ends early is
continued from there by the next message. The first import is a round without a watermark.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from shared.broker.task_names import TaskName
from shared.broker.wakeups import Wakeup
from shared.database.advisory_lock import LockName, advisory_lock
from shared.database.engine import in_transaction
from shared.fill.ingest import ask_again, ingest
from shared.logs import get_logger
from shared.settings import ALL_PROJECTS, Settings
from shared.settings.issue_keys import key_rules
from shared.states import Source
from shared.tickets import projects, unusable, watermarks
from shared.tickets.readings import found_by_search
from shared.tickets.ticket import Ticket
from shared.tickets.watermarks import DEEP_OVERLAP, Round
from shared.webhooks import health as webhook_health
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import CallRefused, JiraError
from worker.jira.port import BATCH, ChangeQuery, Page
from worker.jira.rate_limit import LONGEST_BLOCK, BudgetExhausted
from worker.polling.projects import check_due, find_lost
from worker.process.database import REFUSED_VALUES
from worker.runtime import Runtime

log = get_logger(__name__)

MAX_INTERVAL = 15.0
"""Beat sends a poll at least this often, in seconds; the stored round decides if it is time."""

SLICE_SECONDS = 3.0
"""A slice is the part of a round that one Celery task does; then it frees the pool's slot."""

MAX_SLICE_SECONDS = 120.0
"""A slice ends after this time even within one minute of Jira's time.

The next slice then reads that minute again.
"""

TIME_LIMIT = int(MAX_SLICE_SECONDS) + 60
"""Celery's limit for one slice: above the longest slice with its last call and its waits."""

_BAD_REQUEST = 400
_BUDGET_SHARE = 0.5
"""Largest part of the request budget that a poll uses; the rest is for waiting jobs."""


def is_configured(settings: Settings) -> bool:
    """Whether the settings have what polling needs: an interval, a Jira and projects."""
    return bool(settings.jira_poll_seconds and settings.jira_base_url and settings.jira_project)


def poll_interval(settings: Settings) -> float:
    """Seconds between two of beat's messages."""
    return min(MAX_INTERVAL, settings.jira_poll_seconds or MAX_INTERVAL)


def poll(runtime: Runtime) -> int:
    """Continue the running round, or begin one if it is time. Returns how many tickets it stored.

    No failure of Jira is raised: it opens the circuit, and the round stays unfinished.
    """
    if not is_configured(runtime.settings):
        return 0
    with advisory_lock(runtime.engine, LockName.POLL) as acquired:
        if not acquired:
            return 0
        piece = _next_slice(runtime)
        if piece is None:
            return 0
        piece.run()
    if piece.due:
        runtime.messages.notify(Wakeup.TASKS)
    if piece.unfinished:
        runtime.messages.send(TaskName.POLL, expires=MAX_INTERVAL)
    return piece.stored


def _next_slice(runtime: Runtime) -> "_Slice | None":
    """The slice to do now; None if it is not time, or no call may be made."""
    settings, every = runtime.settings, runtime.settings.jira_poll_seconds
    known = runtime.site.known().site_id
    is_due = partial(watermarks.is_due, settings=settings, site_id=known, every=every)
    state = circuit.check(runtime) if in_transaction(runtime.engine, is_due) else CircuitState.OPEN
    if state is CircuitState.OPEN:
        return None
    try:
        site_id = runtime.site.checked().site_id
    except JiraError as error:
        circuit.trip(runtime, error, state=state)
        return None
    begin = partial(watermarks.begin_round, settings=settings, site_id=site_id, every=every)
    current = in_transaction(runtime.engine, begin)
    return _Slice(runtime, current, site_id, state) if current else None


def query_of(current: Round) -> ChangeQuery:
    """Continue at the round's cursor; a new round starts an overlap before the watermark."""
    named = () if current.projects == ALL_PROJECTS else current.projects
    query = ChangeQuery(projects=named, since=current.cursor, page_size=BATCH)
    if current.cursor is not None or current.watermark is None:
        return query
    if current.deep:
        return replace(query, since=current.watermark - DEEP_OVERLAP)
    return query.after(current.watermark)


@dataclass(slots=True)
class _Slice:
    """The part of a round that one Celery task does."""

    runtime: Runtime
    round: Round
    site_id: int
    state: CircuitState
    catching_up: bool = False
    stored: int = 0
    due: int = 0
    unfinished: bool = False
    reached: datetime | None = None

    def run(self) -> None:
        try:
            new = self.round.new
            if new and check_due(self.runtime, self.round.scope, self.round.projects):
                self._close_circuit()
            self._read_what_can_be_polled()
        except CallRefused as refusal:
            self._end_refused_round(refusal)
        except BudgetExhausted:
            log.info("poll_budget_exhausted", scope=self.round.scope)
        except JiraError as error:
            circuit.trip(self.runtime, error, state=self.state)
        log.info(
            "polled",
            tickets=self.stored,
            unfinished=self.unfinished,
            reached=self.reached,
        )

    def _read_what_can_be_polled(self) -> None:
        """If the query is refused because of some projects, the others are read without them."""
        configured = self.round
        self.round = self._selected(configured)
        try:
            self._read_pages()
        except CallRefused as refusal:
            if refusal.status != _BAD_REQUEST or configured.projects == ALL_PROJECTS:
                raise
            if not find_lost(self.runtime, self.round.scope, self.round.projects):
                raise
            self._read_without_the_lost(configured)

    def _read_without_the_lost(self, configured: Round) -> None:
        if self.catching_up:  # the next round is for those that are left
            scope = self.round.scope
            in_transaction(self.runtime.engine, lambda s: watermarks.end_catching_up(s, scope))
            return
        self.round = self._selected(configured)
        self._read_pages()

    def _selected(self, configured: Round) -> Round:
        """The round with the projects that it can poll. Raises CallRefused if there are none."""
        if configured.projects == ALL_PROJECTS:
            return configured
        found = in_transaction(
            self.runtime.engine,
            partial(projects.select, scope=configured.scope, projects=configured.projects),
        )
        if not found.projects:
            raise CallRefused("none of the projects in JIRA_PROJECT can be polled")
        self.catching_up = found.catching_up
        if not found.catching_up:
            return replace(configured, projects=found.projects)
        return replace(
            configured,
            projects=found.projects,
            cursor=None if configured.new else configured.cursor,
            watermark=found.since,
            deep=True,
        )

    def _finish(self, session: Session) -> None:
        if self.catching_up:
            projects.caught_up(session, self.round.scope)
            watermarks.end_catching_up(session, self.round.scope)
        else:
            watermarks.finish(session, self.round.scope)

    def _read_pages(self) -> None:
        started = self.runtime.clock.monotonic()
        for number, page in enumerate(self._paced()):
            if not number:
                self._close_circuit()
            self._store(page)
            if self._is_over(self.runtime.clock.monotonic() - started):
                self.unfinished = True
                return
        self._close_circuit()
        in_transaction(self.runtime.engine, self._finish)

    def _close_circuit(self) -> None:
        """Jira answered. Only the first answer closes a half-open circuit."""
        circuit.reset(self.runtime, state=self.state)
        self.state = CircuitState.CLOSED

    def _paced(self) -> Iterator[Page]:
        """Read pages no faster than our share of the budget allows."""
        clock = self.runtime.clock
        step = 60.0 / (self.runtime.settings.jira_requests_per_minute * _BUDGET_SHARE)
        requested_at = clock.monotonic()
        for page in self.runtime.jira.changed_since(query_of(self.round)):
            yield page
            time.sleep(min(LONGEST_BLOCK, max(0.0, requested_at + step - clock.monotonic())))
            requested_at = clock.monotonic()

    def _is_over(self, seconds: float) -> bool:
        """Time is up, and the next slice would not start at the same minute as this one."""
        if seconds >= MAX_SLICE_SECONDS:
            return True
        return seconds >= SLICE_SECONDS and self._minute(self.reached) != self._minute(
            self.round.cursor
        )

    @staticmethod
    def _minute(moment: datetime | None) -> datetime | None:
        return moment.replace(second=0, microsecond=0) if moment else None

    def _store(self, page: Page) -> None:
        """Store a page and the round's progress; a ticket that cannot be stored is left out."""
        for name, reason in page.unusable.items():
            log.warning("ticket_unusable", ticket=name, reason=reason)
        rules = key_rules(self.runtime.settings)
        page = replace(page, tickets=[t for t in page.tickets if rules.allows(t.key)])
        try:
            in_transaction(self.runtime.engine, lambda s: self._store_page(s, page, page.tickets))
        except REFUSED_VALUES:
            self._store_singly(page)
        self.stored += len(page.tickets)
        self.reached = page.watermark or self.reached

    def _store_singly(self, page: Page) -> None:
        for ticket in page.tickets:
            try:
                in_transaction(self.runtime.engine, partial(self._ingest, tickets=[ticket]))
            except REFUSED_VALUES as error:
                page.unusable[ticket.key] = f"the database refuses it ({type(error).__name__})"
                log.warning("ticket_unusable", ticket=ticket.key, reason=type(error).__name__)
        in_transaction(self.runtime.engine, lambda s: self._store_page(s, page, []))

    def _store_page(self, session: Session, page: Page, tickets: list[Ticket]) -> None:
        new = watermarks.new_in_round(session, self.round.scope, [t.issue_id for t in tickets])
        self._ingest(session, tickets)
        unusable.clear(session, [name for t in tickets for name in (t.issue_id, t.key)])
        unusable.record(session, self.round.scope, page.unusable)
        watermarks.advance(session, self.round.scope, watermark=page.watermark, tickets=new)

    def _ingest(self, session: Session, tickets: list[Ticket]) -> None:
        """Store tickets and fill jobs; what a search cannot prove is read directly soon."""
        site_id, worker = self.site_id, self.runtime.worker
        if webhook_health.expected(self.runtime.settings):
            webhook_health.record_unannounced(session, tickets, site_id=site_id)
        readings = [found_by_search(ticket) for ticket in tickets]
        ingested = ingest(session, readings, site_id=site_id, source=Source.POLL, worker=worker)
        self.due += ask_again(session, ingested.keys).total()

    def _end_refused_round(self, refusal: CallRefused) -> None:
        """The query is wrong, or no project can be polled: the circuit stays closed."""
        if refusal.status is not None:
            self._close_circuit()
        log.warning("poll_refused", status=refusal.status, reason=refusal.message)
        in_transaction(
            self.runtime.engine,
            lambda s: watermarks.end_refused(
                s, self.round.scope, reason=refusal.message, keep_cursor=not self.catching_up
            ),
        )
