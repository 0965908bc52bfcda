"""Prune, once a day: deliveries' bodies, deliveries and attempts beyond their days."""

from collections.abc import Mapping
from functools import partial

from shared.database import pruning
from shared.database.engine import in_transaction
from shared.database.pruning import BATCH_SIZE, DeleteBatch
from shared.jobs import idempotency
from shared.logs import get_logger
from shared.settings import Settings
from worker.runtime import Runtime

log = get_logger(__name__)

PRUNE_EVERY = 3600.0
"""Every hour rather than every day: beat counts from its start, and may be started daily."""
RUN_SECONDS = 30.0
"""A run ends after so long; what is left is for the next."""
UNANNOUNCED_DAYS = 7


def prune(runtime: Runtime) -> Mapping[str, int]:
    """Cut what is beyond its days. Returns how many rows, by what they were."""
    until = runtime.clock.monotonic() + RUN_SECONDS
    taken = {
        name: _eat(runtime, batch, until=until) for name, batch in _plan(runtime.settings).items()
    }
    if any(taken.values()):
        log.info("pruned", **taken)
    return taken


def _plan(settings: Settings) -> dict[str, DeleteBatch]:
    return {
        "delivery_bodies": pruning.delivery_bodies(days=settings.delivery_body_days),
        "deliveries": pruning.deliveries(days=settings.delivery_days),
        "attempts": pruning.attempts(days=settings.attempt_days),
        "unannounced_changes": pruning.unannounced_changes(days=UNANNOUNCED_DAYS),
        "idempotency_keys": partial(idempotency.prune, limit=BATCH_SIZE),
    }


def _eat(runtime: Runtime, batch: DeleteBatch, *, until: float) -> int:
    total = 0
    while True:
        taken = in_transaction(runtime.engine, batch)
        total += taken
        if taken < BATCH_SIZE or runtime.clock.monotonic() > until:
            return total
