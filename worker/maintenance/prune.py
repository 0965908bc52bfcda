"""Pruning: rows and webhook bodies whose retention is over."""

from collections.abc import Mapping
from functools import partial

from shared.accounts.guesses import KNOWN_DAYS
from shared.database import pruning
from shared.database.engine import in_transaction
from shared.database.pruning import BATCH_SIZE, DeleteBatch, older_than
from shared.jobs import idempotency
from shared.logs import get_logger
from shared.settings import Settings
from worker.runtime import Runtime

log = get_logger(__name__)

RUN_SECONDS = 30.0
"""A run ends after this time; the next one goes on."""
UNANNOUNCED_DAYS = 7


def prune(runtime: Runtime) -> Mapping[str, int]:
    """Delete what is older than its retention. Returns the number of rows by kind."""
    deadline = runtime.clock.monotonic() + RUN_SECONDS
    deleted = {
        kind: _delete_all(runtime, batch, deadline=deadline)
        for kind, batch in _batches(runtime.settings).items()
    }
    if any(deleted.values()):
        log.info("pruned", **deleted)
    return deleted


def _batches(settings: Settings) -> dict[str, DeleteBatch]:
    return {
        "delivery_bodies": older_than(settings.delivery_body_days, pruning.BODIES),
        "deliveries": older_than(settings.delivery_days, pruning.DELIVERIES),
        "attempts": older_than(settings.attempt_days, pruning.ATTEMPTS),
        "unannounced_changes": older_than(UNANNOUNCED_DAYS, pruning.UNANNOUNCED),
        "operator_sessions": older_than(KNOWN_DAYS, pruning.SESSIONS),
        "idempotency_keys": partial(idempotency.prune, limit=BATCH_SIZE),
    }


def _delete_all(runtime: Runtime, batch: DeleteBatch, *, deadline: float) -> int:
    total = 0
    while True:
        deleted = in_transaction(runtime.engine, batch)
        total += deleted
        if deleted < BATCH_SIZE or runtime.clock.monotonic() > deadline:
            return total
