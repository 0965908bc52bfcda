"""Tally, every minute: what was filled is counted once, so that no page has to count it again."""

from shared import sync_summary
from shared.db import in_transaction
from worker.runtime import Runtime

TALLY_EVERY = 60.0


def tally(runtime: Runtime) -> None:
    """Move the count of filled tasks on."""
    in_transaction(runtime.engine, sync_summary.tally)
