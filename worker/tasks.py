"""The Celery tasks: name, queue, limits, and one call each."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import Celery

from shared.broker import TaskName
from shared.settings import Settings
from worker.deliveries import deliver
from worker.examination import LOOK_EVERY, examine
from worker.examination import TIME_LIMIT as EXAMINE_LIMIT
from worker.existence import EXISTENCE_EVERY, check_existence
from worker.field_map import map_fields
from worker.fill import drain
from worker.leaving import Leaving
from worker.poll import TIME_LIMIT as POLL_LIMIT
from worker.poll import is_wanted as poll_is_wanted
from worker.poll import look_every, poll
from worker.prune import PRUNE_EVERY, prune
from worker.runtime import Runtime
from worker.slots import JiraSlots
from worker.sweep import sweep
from worker.tally import TALLY_EVERY, tally

_Work = Callable[[Runtime], object]

_INNER: dict[TaskName, _Work] = {
    TaskName.SWEEP: sweep,
    TaskName.DELIVER: deliver,
    TaskName.PRUNE: prune,
    TaskName.TALLY: tally,
}
_FOR_JIRA: dict[TaskName, _Work] = {
    TaskName.DRAIN: drain,
    TaskName.POLL: poll,
    TaskName.EXISTENCE: check_existence,
    TaskName.MAP_FIELDS: map_fields,
    TaskName.EXAMINE: examine,
}
"""What may hang as long as Jira does, and so takes one of the pool's slots for it."""
_LIMITS = {TaskName.POLL: POLL_LIMIT, TaskName.EXAMINE: EXAMINE_LIMIT}


def register(
    celery: Celery,
    *,
    runtime: Callable[[], Runtime],
    slots: Callable[[], JiraSlots],
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
    work: _Work, runtime: Callable[[], Runtime], slots: Callable[[], JiraSlots]
) -> Callable[[], None]:
    def run() -> None:
        with slots().take() as free:
            if free:
                with suppress(Leaving):
                    work(runtime())

    return run


def schedule(settings: Settings) -> dict[str, Any]:
    """What beat sends and how often, in seconds; a message is worthless after one interval."""
    plan = {
        "sweep": _every(1.0, TaskName.SWEEP),
        "prune": _every(PRUNE_EVERY, TaskName.PRUNE),
        "tally": _every(TALLY_EVERY, TaskName.TALLY),
        "examine": _every(LOOK_EVERY, TaskName.EXAMINE),
    }
    if poll_is_wanted(settings):
        plan["poll"] = _every(look_every(settings), TaskName.POLL)
        plan["existence"] = _every(EXISTENCE_EVERY, TaskName.EXISTENCE)
    return plan


def _every(seconds: float, name: TaskName) -> dict[str, Any]:
    return {"task": name.value, "schedule": seconds, "options": {"expires": seconds}}
