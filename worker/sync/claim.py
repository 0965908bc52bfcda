"""Claims of a drain: full batches at once, small ones paced, quarantined tasks alone."""

import time

from shared.broker.wakeups import Wakeup
from shared.database.engine import begin, in_transaction
from shared.sync import leases
from shared.sync.leases import CLAIM_LIMIT, Claim
from worker.runtime import Runtime
from worker.sync.pacing import Pacing, wait_until_allowed


def claim_batch(runtime: Runtime) -> list[Claim]:
    """Claim a full batch at once. Claim fewer only when pacing allows a small batch."""
    pacing = Pacing(runtime.redis)
    if in_transaction(runtime.engine, leases.count_due) >= CLAIM_LIMIT:
        batch = _claim(runtime, allow_small=False)
        if batch:
            pacing.full_batch_started()
            return batch
    if not in_transaction(runtime.engine, lambda s: leases.count_due(s, limit=1)):
        return []
    if not wait_until_allowed(pacing, clock=runtime.clock, sleep=time.sleep):
        return []
    return _claim(runtime, allow_small=True)


def _claim(runtime: Runtime, *, allow_small: bool) -> list[Claim]:
    """Claim what is due; nothing if that is a small batch and ``allow_small`` is not set."""
    with begin(runtime.engine) as session:
        batch = leases.claim(session, lease_seconds=runtime.settings.lease_seconds)
        if len(batch) < CLAIM_LIMIT and not allow_small:
            session.rollback()
            return []
    return batch


def claim_quarantined(runtime: Runtime, *, deadline: float) -> list[Claim]:
    """Claim one quarantined task, unless the deadline has passed.

    A task claimed too late could lose its lease because of the batch before it.
    """
    if runtime.clock.monotonic() >= deadline:
        return []
    seconds = runtime.settings.lease_seconds
    claims = in_transaction(
        runtime.engine, lambda s: leases.claim_quarantined(s, lease_seconds=seconds)
    )
    if claims:
        runtime.messages.notify(Wakeup.TASKS)
    return claims
