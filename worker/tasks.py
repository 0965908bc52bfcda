"""The Celery tasks: name, queue, limits, and one call each."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import Celery

from shared.broker.task_names import TaskName
from shared.settings import Settings
from worker.bulk_actions.run import run_bulk_action
from worker.doctor.examination import LOOK_EVERY, examine
from worker.doctor.examination import TIME_LIMIT as EXAMINE_LIMIT
from worker.maintenance.filled_count import TALLY_EVERY, tally
from worker.maintenance.prune import PRUNE_EVERY, prune
from worker.polling.deleted_tickets import DELETED_TICKETS_EVERY, check_deleted_tickets
from worker.polling.poll import TIME_LIMIT as POLL_LIMIT
from worker.polling.poll import is_wanted as poll_is_wanted
from worker.polling.poll import look_every, poll
from worker.process.concurrency_limit import ConcurrencyLimit
from worker.process.shutdown import ShutdownRequested
from worker.runtime import Runtime
from worker.sync.drain import drain
from worker.sync.sweep import sweep
from worker.webhooks.deliver import deliver
from worker.webhooks.field_map import map_fields

_Work = Callable[[Runtime], object]

_INNER: dict[TaskName, _Work] = {
    TaskName.SWEEP: sweep,
    TaskName.DELIVER: deliver,
    TaskName.PRUNE: prune,
    TaskName.FILLED_COUNT: tally,
    TaskName.BULK_ACTIONS: run_bulk_action,
}
_FOR_JIRA: dict[TaskName, _Work] = {
    TaskName.DRAIN: drain,
    TaskName.POLL: poll,
    TaskName.DELETED_TICKETS: check_deleted_tickets,
    TaskName.MAP_FIELDS: map_fields,
    TaskName.EXAMINE: examine,
}
"""What may hang as long as Jira does, and so takes one of the pool's slots for it."""
_LIMITS = {TaskName.POLL: POLL_LIMIT, TaskName.EXAMINE: EXAMINE_LIMIT}


def register(
    celery: Celery,
    *,
    runtime: Callable[[], Runtime],
    slots: Callable[[], ConcurrencyLimit],
    limit: float,
) -> None:
    """Give the app its tasks; ``runtime`` is asked for in the process that runs one.

    ``limit`` is the time limit, in seconds, of what reads tickets for a lease; what is not for
    Jira has Celery's default.
    """
    for name, work in _INNER.items():
        celery.task(name=name.value)(_plain(work, runtime))
    for name, work in _FOR_JIRA.items():
        run = _in_a_slot(work, runtime, slots)
        seconds: Any = _LIMITS.get(name, limit)  # Celery's types know whole ones alone
        celery.task(name=name.value, time_limit=seconds)(run)


def _plain(work: _Work, runtime: Callable[[], Runtime]) -> Callable[[], None]:
    def run() -> None:
        work(runtime())

    return run


def _in_a_slot(
    work: _Work, runtime: Callable[[], Runtime], slots: Callable[[], ConcurrencyLimit]
) -> Callable[[], None]:
    def run() -> None:
        with slots().take() as free:
            if free:
                with suppress(ShutdownRequested):
                    work(runtime())

    return run


def schedule(settings: Settings) -> dict[str, Any]:
    """What beat sends and how often, in seconds; a message is worthless after one interval."""
    plan = {
        "sweep": _every(1.0, TaskName.SWEEP),
        "prune": _every(PRUNE_EVERY, TaskName.PRUNE),
        "filled_count": _every(TALLY_EVERY, TaskName.FILLED_COUNT),
        "examine": _every(LOOK_EVERY, TaskName.EXAMINE),
    }
    if poll_is_wanted(settings):
        plan["poll"] = _every(look_every(settings), TaskName.POLL)
        plan["deleted_tickets"] = _every(DELETED_TICKETS_EVERY, TaskName.DELETED_TICKETS)
    return plan


def _every(seconds: float, name: TaskName) -> dict[str, Any]:
    return {"task": name.value, "schedule": seconds, "options": {"expires": seconds}}
