"""Sweep, every second: expired leases are taken back, and due rows get a message."""

from shared.actions import bulk
from shared.broker.task_names import TaskName
from shared.database.engine import begin
from shared.logs import get_logger
from shared.sync import leases, pauses
from shared.webhooks import inbox
from worker.runtime import Runtime

log = get_logger(__name__)


def sweep(runtime: Runtime) -> int:
    """Take back expired leases and send messages for due rows. Returns how many leases expired.

    A pause that has run out is probed even if no task is due, so that it is not shown for ever.
    """
    credentials = runtime.credentials
    with begin(runtime.engine) as session:
        expired = leases.take_back_expired(session)
        paused = pauses.in_force(session, credentials=credentials) is not None
        drain_due = not paused and (
            leases.count_due(session, limit=1) > 0
            or pauses.failures(session, credentials=credentials) > 0
        )
        deliveries_due = inbox.any_due(session)
        bulk_due = bulk.is_due(session)
    if expired:
        log.warning("leases_expired", tasks=expired)
    if drain_due:
        runtime.messages.send(TaskName.DRAIN, expires=5)
    if deliveries_due:
        runtime.messages.send(TaskName.DELIVER, expires=5)
    if bulk_due:
        runtime.messages.send(TaskName.BULK_ACTIONS, expires=5)
    return expired
