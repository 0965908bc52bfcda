"""The Celery tasks: name, time limit, the one call each makes, and beat's schedule."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import Celery

from shared.broker.task_names import Queue, TaskName
from shared.settings import Settings
from worker.bulk_actions.run import run_bulk_action
from worker.doctor.examination import TIME_LIMIT as EXAMINE_LIMIT
from worker.doctor.examination import examine
from worker.maintenance.filled_count import count_filled
from worker.maintenance.prune import prune
from worker.polling.deleted_tickets import check_deleted_tickets
from worker.polling.poll import TIME_LIMIT as POLL_LIMIT
from worker.polling.poll import is_configured as poll_is_configured
from worker.polling.poll import poll, poll_interval
from worker.process.concurrency_limit import ConcurrencyLimit
from worker.process.shutdown import ShutdownRequested
from worker.runtime import Runtime
from worker.sync.drain import drain
from worker.sync.sweep import sweep
from worker.webhooks.deliver import deliver
from worker.webhooks.field_map import map_fields

_Work = Callable[[Runtime], object]

_WORK: dict[TaskName, _Work] = {
    TaskName.SWEEP: sweep,
    TaskName.DELIVER: deliver,
    TaskName.PRUNE: prune,
    TaskName.FILLED_COUNT: count_filled,
    TaskName.BULK_ACTIONS: run_bulk_action,
    TaskName.DRAIN: drain,
    TaskName.POLL: poll,
    TaskName.DELETED_TICKETS: check_deleted_tickets,
    TaskName.MAP_FIELDS: map_fields,
    TaskName.EXAMINE: examine,
}
_TIME_LIMITS = {TaskName.POLL: POLL_LIMIT, TaskName.EXAMINE: EXAMINE_LIMIT}


def beat_schedule(settings: Settings) -> dict[str, Any]:
    """What beat sends and how often, in seconds; a message expires after one interval."""
    intervals = {
        TaskName.SWEEP: 1.0,
        # Finds a requested examination whose wake-up was lost.
        TaskName.EXAMINE: 30.0,
        TaskName.FILLED_COUNT: 60.0,
        # Hourly although rows are kept for days: beat counts from its own start.
        TaskName.PRUNE: 3600.0,
    }
    if poll_is_configured(settings):
        intervals[TaskName.POLL] = poll_interval(settings)
        # One bulk read of 100 tickets a minute checks 144 000 copies a day.
        intervals[TaskName.DELETED_TICKETS] = 60.0
    return {
        name.value: {"task": name.value, "schedule": seconds, "options": {"expires": seconds}}
        for name, seconds in intervals.items()
    }


def register(
    celery: Celery,
    *,
    runtime: Callable[[], Runtime],
    jira_limit: Callable[[], ConcurrencyLimit],
    time_limit: float,
) -> None:
    """Register all tasks; ``runtime`` is called in the process that runs one.

    ``time_limit``, in seconds, is for tasks that read tickets under a lease. Tasks without Jira
    have Celery's default. Tasks that hang as long as Jira does are limited in number.
    """
    for name, work in _WORK.items():
        if name.queue is Queue.INTERNAL:
            celery.task(name=name.value)(_plain(work, runtime))
            continue
        seconds: Any = _TIME_LIMITS.get(name, time_limit)  # Celery's types want an int
        celery.task(name=name.value, time_limit=seconds)(_limited(work, runtime, jira_limit))


def _plain(work: _Work, runtime: Callable[[], Runtime]) -> Callable[[], None]:
    def run() -> None:
        work(runtime())

    return run


def _limited(
    work: _Work, runtime: Callable[[], Runtime], jira_limit: Callable[[], ConcurrencyLimit]
) -> Callable[[], None]:
    """A task that returns at once if no slot is free: its work is a row and stays due."""

    def run() -> None:
        with jira_limit().acquire() as acquired:
            if acquired:
                with suppress(ShutdownRequested):
                    work(runtime())

    return run
