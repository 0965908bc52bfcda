"""Continue a bulk action that its request left to the worker, or whose process died."""

from functools import partial

from shared.actions import bulk
from shared.broker.task_names import TaskName
from shared.broker.wakeups import Wakeup
from shared.database.engine import in_transaction
from shared.logs import get_logger
from worker.runtime import Runtime

log = get_logger(__name__)

RUN_SECONDS = 10.0
"""After so long a run sends the next message and ends, so that other actions get their turn."""


def run_bulk_action(runtime: Runtime) -> str | None:
    """Work on the unfinished action that has waited longest. Returns its id, None without one."""
    runtime.messages.clear(Wakeup.BULK_ACTIONS)
    lease = in_transaction(runtime.engine, bulk.claim)
    if lease is None:
        return None
    log.info("bulk_action_continued", action_id=lease.action_id, lease_token=lease.token)
    unfinished = bulk.work_through(
        runtime.engine,
        lease,
        clock=runtime.clock,
        seconds=RUN_SECONDS,
        after_batch=lambda: runtime.messages.notify(Wakeup.after(lease.operation)),
    )
    if unfinished:
        in_transaction(runtime.engine, partial(bulk.release, lease=lease))
    if in_transaction(runtime.engine, bulk.is_due):
        runtime.messages.send(TaskName.BULK_ACTIONS)
    return lease.action_id
