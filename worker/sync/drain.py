"""Drain: claim due tasks, read their tickets from Jira in bulk, settle each task."""

from shared.broker.wakeups import Wakeup
from shared.logs import get_logger
from shared.sync.leases import CLAIM_LIMIT, Claim
from shared.tickets.sites import NOBODYS
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraError
from worker.jira.port import ReadResult
from worker.process.shutdown import ShutdownRequested
from worker.runtime import Runtime
from worker.sync import settle
from worker.sync.claim import claim_batch, claim_quarantined

log = get_logger(__name__)

RUN_SECONDS = 3.0
"""One Celery task starts no new batch after this time, so that a poll gets the pool's slot."""


def drain(runtime: Runtime) -> int:
    """Process due tasks batch by batch. Returns how many were claimed.

    A full batch wakes another worker, so that a backlog spreads over all of them, and is followed
    by the next batch here, because the other worker may have no free slot. No failure of Jira is
    raised. After any other error the lease expires and the tasks are claimed again. One deadline
    bounds all reads, the probe included, so that a slow Jira never costs a lease.
    """
    runtime.messages.clear(Wakeup.TASKS)
    started = runtime.clock.monotonic()
    deadline = started + runtime.settings.drain_seconds
    last_start = min(deadline, started + RUN_SECONDS)
    total, more = 0, True
    while more:
        claimed, more = _drain_once(runtime, deadline=deadline)
        total += claimed
        more = more and runtime.clock.monotonic() < last_start
    return total


def _drain_once(runtime: Runtime, *, deadline: float) -> tuple[int, bool]:
    """One batch, then one quarantined task alone: tasks claimed, and whether more may be due."""
    state = circuit.check(runtime)
    if state is CircuitState.OPEN:
        return 0, False
    batch = claim_batch(runtime)
    full = len(batch) >= CLAIM_LIMIT
    if full:
        runtime.messages.notify(Wakeup.TASKS)
    answered = _process(runtime, batch, deadline=deadline, state=state)
    if not batch and state is CircuitState.HALF_OPEN:
        circuit.reset(runtime, state=state)
    quarantined = claim_quarantined(runtime, deadline=deadline) if answered else []
    alone = _process(runtime, quarantined, deadline=deadline, state=CircuitState.CLOSED)
    return len(batch) + len(quarantined), full and answered and alone


def _process(
    runtime: Runtime, claims: list[Claim], *, deadline: float, state: CircuitState
) -> bool:
    """Read and settle. False: a call failed as a whole, so no further call may be made."""
    if not claims:
        return True
    started = runtime.clock.monotonic()
    result, site_id = _read(runtime, claims, deadline=deadline)
    settle.settle(runtime, claims, result, site_id=site_id, state=state)
    log.info(
        "batch_read",
        tasks=len(claims),
        found=len(result.found),
        refused=len(result.refused),
        unread=len(result.unread),
        seconds=round(runtime.clock.monotonic() - started, 3),
    )
    return result.interrupted is None


def _read(runtime: Runtime, claims: list[Claim], *, deadline: float) -> tuple[ReadResult, int]:
    """The result, and the id of the site that was read."""
    keys = {claim.ticket_key for claim in claims}
    site_id = NOBODYS
    try:
        site_id = runtime.site.checked(deadline=deadline).site_id
        return runtime.jira.read(sorted(keys), deadline=deadline), site_id
    except JiraError as error:
        return ReadResult(unread=keys, interrupted=error), site_id
    except ShutdownRequested:
        settle.hand_back(runtime, claims)
        raise
