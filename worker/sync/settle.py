"""Settling what a drain has read: fill, fail, wait or hand back each claimed task.

Every transaction is repeated while the database is away, for a quarter of the lease.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session

from shared.database.engine import in_transaction
from shared.fill.ingest import ingest
from shared.logs import get_logger
from shared.states import FailureCode, Source
from shared.sync import settle as sync_settle
from shared.sync.leases import Claim
from shared.tickets.readings import read_directly
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraError
from worker.jira.port import ReadResult
from worker.process.database import REFUSED_VALUES, while_database_is_away
from worker.runtime import Runtime

log = get_logger(__name__)

T = TypeVar("T")


def settle(
    runtime: Runtime,
    claims: list[Claim],
    result: ReadResult,
    *,
    site_id: int,
    state: CircuitState,
) -> None:
    """Settle all claims by what was read from this site.

    ``state`` is the circuit's before the read.
    """
    unread = [c for c in claims if c.ticket_key in result.unread]
    if result.interrupted is None:
        _retry(runtime, lambda: circuit.reset(runtime, state=state))
    else:
        _open_circuit(runtime, unread, result.interrupted, state)
    _fill(runtime, [c for c in claims if c.ticket_key in result.found], result, site_id)
    _fail_refused(runtime, claims, result)
    if result.interrupted is None:
        hand_back(runtime, unread)


def hand_back(runtime: Runtime, claims: list[Claim]) -> None:
    """Make claimed tasks due again at once, without counting an attempt."""
    _in_transaction(runtime, lambda s: sync_settle.hand_back(s, claims))


def _open_circuit(
    runtime: Runtime, claims: list[Claim], error: JiraError, state: CircuitState
) -> None:
    decision = _retry(runtime, lambda: circuit.trip(runtime, error, state=state))
    # Due at once: the shared pause holds these tasks back, so whatever ends it frees them all.
    _in_transaction(
        runtime,
        lambda s: sync_settle.wait(
            s, claims, code=decision.code, message=error.message, worker=runtime.worker
        ),
    )


def _fill(runtime: Runtime, claims: list[Claim], result: ReadResult, site_id: int) -> None:
    """Fill all in one transaction. If the database refuses a value, fill each task alone."""
    try:
        _in_transaction(runtime, lambda s: _ingest(s, runtime, claims, result, site_id))
    except REFUSED_VALUES:
        for claim in claims:
            _fill_one(runtime, claim, result, site_id)


def _fill_one(runtime: Runtime, claim: Claim, result: ReadResult, site_id: int) -> None:
    try:
        _in_transaction(runtime, lambda s: _ingest(s, runtime, [claim], result, site_id))
    except REFUSED_VALUES as error:
        log.warning("ticket_refused_by_database", task_id=claim.task_id, error=type(error).__name__)
        detail = "the database refuses one of its values."
        _fail(runtime, [claim], FailureCode.UNUSABLE_TICKET, detail)


def _ingest(
    session: Session, runtime: Runtime, claims: list[Claim], result: ReadResult, site_id: int
) -> None:
    """Fill what was read. If a ticket moved on during the read, its task is due again."""
    if not claims:
        return
    asked_at = min(claim.claimed_at for claim in claims)
    readings = [
        read_directly(key, result.found[key], asked_at=asked_at)
        for key in sorted({claim.ticket_key for claim in claims})
    ]
    source, worker = Source.API, runtime.worker
    ingested = ingest(
        session, readings, site_id=site_id, source=source, worker=worker, claims=claims
    )
    if ingested.filled.total() < len(claims):
        sync_settle.hand_back(session, claims)


def _fail_refused(runtime: Runtime, claims: list[Claim], result: ReadResult) -> None:
    """Fail the tasks whose tickets Jira refused, those with the same reason together."""
    groups: dict[tuple[FailureCode, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        if problem := result.refused.get(claim.ticket_key):
            groups[problem.code, problem.detail].append(claim)
    for (code, detail), group in groups.items():
        _fail(runtime, group, code, detail)


def _fail(runtime: Runtime, claims: list[Claim], code: FailureCode, detail: str) -> None:
    fail = partial(sync_settle.fail, claims=claims, code=code, detail=detail, worker=runtime.worker)
    _in_transaction(runtime, fail)


def _in_transaction(runtime: Runtime, work: Callable[[Session], T]) -> T:
    return _retry(runtime, lambda: in_transaction(runtime.engine, work))


def _retry(runtime: Runtime, work: Callable[[], T]) -> T:
    seconds = runtime.settings.lease_seconds / 4
    return while_database_is_away(work, clock=runtime.clock, seconds=seconds)
