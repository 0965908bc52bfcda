"""Drain: claim due tasks, read their tickets in bulk, fill and settle."""

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import DataError, IntegrityError, InternalError, OperationalError
from sqlalchemy.orm import Session

from shared.broker.wakeups import Wakeup
from shared.database.engine import begin, in_transaction
from shared.errors import DatabaseUnavailableError
from shared.fill.ingest import ingest
from shared.logs import get_logger
from shared.states import FailureCode, Source
from shared.sync import tasks as sync_tasks
from shared.sync.tasks import CLAIM_LIMIT, Claim
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.port import JiraError, ReadResult
from worker.process.shutdown import ShutdownRequested
from worker.runtime import Runtime
from worker.sync.pacing import Pacing, wait_for_leave

log = get_logger(__name__)

T = TypeVar("T")

TURN_SECONDS = 3.0
"""How long one Celery task goes on with full batches before a poll gets its turn in the slot."""
_REFUSED_VALUES = (DataError, IntegrityError, InternalError)
"""How PostgreSQL refuses a value; anything else it says is not about a ticket."""


def drain(runtime: Runtime) -> int:
    """Read and fill due tasks, batch by batch for a turn's time. Returns how many it claimed.

    A full claim rings again, so that a backlog spreads over all workers, and is followed by the
    next here: whoever hears that ring may find no slot free. Nothing is raised for what Jira does;
    whatever else goes wrong leaves the batch to the sweep. One deadline bounds all reading, the
    probe's included: a Jira that is merely slow must cost nobody a crash.
    """
    runtime.messages.clear(Wakeup.TASKS)
    began = runtime.clock.monotonic()
    deadline = began + runtime.settings.drain_seconds
    turn = min(deadline, began + TURN_SECONDS)
    done, more = 0, True
    while more:
        claimed, more = _round(runtime, deadline=deadline)
        done += claimed
        more = more and runtime.clock.monotonic() < turn
    return done


def _round(runtime: Runtime, *, deadline: float) -> tuple[int, bool]:
    """One batch, then one suspect alone: how many were claimed, and whether more may wait."""
    look = circuit.check(runtime)
    if look is CircuitState.OPEN:
        return 0, False
    batch = _claim_batch(runtime)
    full = len(batch) >= CLAIM_LIMIT
    if full:
        runtime.messages.notify(Wakeup.TASKS)
    answered = _work(runtime, batch, deadline=deadline, look=look)
    if not batch and look is CircuitState.HALF_OPEN:
        circuit.reset(runtime)
    quarantined = _claim_quarantined(runtime, deadline=deadline) if answered else []
    answered = _work(runtime, quarantined, deadline=deadline, look=CircuitState.CLOSED) and answered
    return len(batch) + len(quarantined), answered and full


def _claim_batch(runtime: Runtime) -> list[Claim]:
    """A full batch at once; a small one when pacing allows, with all that came meanwhile."""
    if in_transaction(runtime.engine, sync_tasks.due) >= CLAIM_LIMIT:
        batch = _claim(runtime, small=False)
        if batch:
            Pacing(runtime.redis).full_started()
            return batch
    if not in_transaction(runtime.engine, lambda s: sync_tasks.due(s, limit=1)):
        return []
    if not wait_for_leave(Pacing(runtime.redis), clock=runtime.clock, pause=time.sleep):
        return []
    return _claim(runtime, small=True)


def _claim(runtime: Runtime, *, small: bool) -> list[Claim]:
    """Claim what is due; less than a full batch only where ``small`` batches may start."""
    with begin(runtime.engine) as session:
        batch = sync_tasks.claim(session, lease_seconds=runtime.settings.lease_seconds)
        if len(batch) < CLAIM_LIMIT and not small:
            session.rollback()
            return []
    return batch


def _claim_quarantined(runtime: Runtime, *, deadline: float) -> list[Claim]:
    """One suspect, where there is time left for it: else it would pay for the batch's slowness."""
    if runtime.clock.monotonic() >= deadline:
        return []
    lease = runtime.settings.lease_seconds
    quarantined = in_transaction(
        runtime.engine, lambda s: sync_tasks.claim_quarantined(s, lease_seconds=lease)
    )
    if quarantined:
        runtime.messages.notify(Wakeup.TASKS)
    return quarantined


def _work(runtime: Runtime, claims: list[Claim], *, deadline: float, look: CircuitState) -> bool:
    """Read and settle; False where a call failed as a whole, so that none may follow."""
    if not claims:
        return True
    started = runtime.clock.monotonic()
    try:
        result = runtime.jira.read(sorted({c.ticket_key for c in claims}), deadline=deadline)
    except JiraError as error:
        result = ReadResult(unread={c.ticket_key for c in claims}, interrupted=error)
    except ShutdownRequested:
        _in_transaction(runtime, lambda s: sync_tasks.hand_back(s, claims))
        raise
    _settle(runtime, claims, result, probe=look is CircuitState.HALF_OPEN)
    log.info(
        "batch_read",
        tasks=len(claims),
        found=len(result.found),
        refused=len(result.refused),
        unread=len(result.unread),
        seconds=round(runtime.clock.monotonic() - started, 3),
    )
    return result.interrupted is None


def _settle(runtime: Runtime, claims: list[Claim], result: ReadResult, *, probe: bool) -> None:
    if result.interrupted is None:
        _patiently(runtime, lambda: circuit.reset(runtime, probe=probe))
    else:
        unread = [c for c in claims if c.ticket_key in result.unread]
        _pause(runtime, unread, result.interrupted, probe=probe)
    _fill(runtime, [c for c in claims if c.ticket_key in result.found], result)
    _refuse(runtime, claims, result)
    if result.interrupted is None:
        late = [c for c in claims if c.ticket_key in result.unread]
        _in_transaction(runtime, lambda s: sync_tasks.hand_back(s, late))


def _pause(runtime: Runtime, claims: list[Claim], error: JiraError, *, probe: bool) -> None:
    decision = _patiently(runtime, lambda: circuit.trip(runtime, error, probe=probe))
    # Due at once: it is the shared pause that holds them, so whatever ends it frees them all.
    _in_transaction(
        runtime,
        lambda s: sync_tasks.wait(
            s,
            claims,
            code=decision.code,
            message=error.message,
            delay=0,
            worker=runtime.worker,
        ),
    )


def _fill(runtime: Runtime, claims: list[Claim], result: ReadResult) -> None:
    """All in one transaction; if the database refuses that, each alone: one odd value hurts one."""
    try:
        _in_transaction(runtime, lambda s: _ingest(s, runtime, claims, result))
    except _REFUSED_VALUES:
        for claim in claims:
            _fill_alone(runtime, claim, result)


def _fill_alone(runtime: Runtime, claim: Claim, result: ReadResult) -> None:
    try:
        _in_transaction(runtime, lambda s: _ingest(s, runtime, [claim], result))
    except _REFUSED_VALUES as error:
        log.warning("ticket_refused_by_database", task_id=claim.task_id, error=type(error).__name__)
        _in_transaction(
            runtime,
            lambda s: sync_tasks.fail(
                s,
                [claim],
                code=FailureCode.UNUSABLE_TICKET,
                detail="the database refuses one of its values.",
                worker=runtime.worker,
            ),
        )


def _ingest(session: Session, runtime: Runtime, claims: list[Claim], result: ReadResult) -> int:
    readings = [(key, result.found[key]) for key in sorted({c.ticket_key for c in claims})]
    return ingest(session, readings, source=Source.API, worker=runtime.worker, held=claims)


def _refuse(runtime: Runtime, claims: list[Claim], result: ReadResult) -> None:
    groups: dict[tuple[FailureCode, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        if problem := result.refused.get(claim.ticket_key):
            groups[problem.code, problem.detail].append(claim)
    for (code, detail), group in groups.items():
        refuse = partial(
            sync_tasks.fail, claims=group, code=code, detail=detail, worker=runtime.worker
        )
        _in_transaction(runtime, refuse)


def _in_transaction(runtime: Runtime, work: Callable[[Session], T]) -> T:
    return _patiently(runtime, lambda: in_transaction(runtime.engine, work))


def _patiently(runtime: Runtime, work: Callable[[], T]) -> T:
    """Do it again while the database is away, as long as the lease may still hold.

    What a ticket read said is worth waiting for: a database that restarts costs no crash.
    """
    deadline = runtime.clock.monotonic() + runtime.settings.lease_seconds / 4
    while True:
        try:
            return work()
        except (DatabaseUnavailableError, OperationalError):
            if runtime.clock.monotonic() > deadline:
                raise
            time.sleep(0.5)
