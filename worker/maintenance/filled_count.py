"""The count of filled tasks is stored and moved on, so that no page counts all of history."""

from shared.database.engine import in_transaction
from shared.sync import summary
from worker.runtime import Runtime


def count_filled(runtime: Runtime) -> None:
    """Add what was filled since the last time."""
    in_transaction(runtime.engine, summary.update_filled_count)
