"""Sweep, every second: what is due and nobody was told about, leases that ran out."""

from shared.actions import bulk
from shared.broker.task_names import TaskName
from shared.database.engine import begin
from shared.logs import get_logger
from shared.sync import pauses
from shared.sync import tasks as sync_tasks
from shared.webhooks import inbox
from worker.runtime import Runtime

log = get_logger(__name__)


def sweep(runtime: Runtime) -> int:
    """Take back lost leases and have what is due seen to, past the doorbell. Returns leases lost.

    A pause that has run out is probed even where nothing is due, so that it is not shown for ever.
    """
    with begin(runtime.engine) as session:
        lost = sync_tasks.take_back_lost_leases(session)
        paused = pauses.mine(session, credentials=runtime.credentials) is not None
        waiting = not paused and (
            sync_tasks.due(session, limit=1) > 0
            or pauses.failures(session, credentials=runtime.credentials) > 0
        )
        unapplied = inbox.due(session)
        unfinished = bulk.is_due(session)
    if lost:
        log.warning("leases_lost", tasks=lost)
    if waiting:
        runtime.messages.send(TaskName.DRAIN, expires=5)
    if unapplied:
        runtime.messages.send(TaskName.DELIVER, expires=5)
    if unfinished:
        runtime.messages.send(TaskName.BULK_ACTIONS, expires=5)
    return lost
