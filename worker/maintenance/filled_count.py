"""Tally, every minute: what was filled is counted once, so that no page has to count it again."""

from shared.database.engine import in_transaction
from shared.sync import summary as sync_summary
from worker.runtime import Runtime

TALLY_EVERY = 60.0


def tally(runtime: Runtime) -> None:
    """Move the count of filled tasks on."""
    in_transaction(runtime.engine, sync_summary.tally)
