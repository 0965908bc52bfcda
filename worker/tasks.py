"""The Celery tasks: name, queue, limits, and one call each."""

from collections.abc import Callable
from typing import Any

from celery import Celery

from shared.broker import TaskName
from shared.settings import Settings
from worker.existence import EXISTENCE_EVERY, check_existence
from worker.fill import drain
from worker.poll import TIME_LIMIT as POLL_LIMIT
from worker.poll import is_wanted as poll_is_wanted
from worker.poll import look_every, poll
from worker.runtime import Runtime
from worker.slots import JiraSlots
from worker.sweep import sweep


def register(
    celery: Celery, *, runtime: Callable[[], Runtime], slots: Callable[[], JiraSlots]
) -> None:
    """Give the app its tasks; ``runtime`` is asked for in the process that runs one."""

    @celery.task(name=TaskName.DRAIN.value)
    def _drain() -> None:
        with slots().take() as free:
            if free:
                drain(runtime())

    @celery.task(name=TaskName.SWEEP.value)
    def _sweep() -> None:
        sweep(runtime())

    @celery.task(name=TaskName.POLL.value, time_limit=POLL_LIMIT)
    def _poll() -> None:
        with slots().take() as free:
            if free:
                poll(runtime())

    @celery.task(name=TaskName.EXISTENCE.value)
    def _existence() -> None:
        with slots().take() as free:
            if free:
                check_existence(runtime())


def schedule(settings: Settings) -> dict[str, Any]:
    """What beat sends and how often, in seconds; a message is worthless after one interval."""
    plan = {"sweep": _every(1.0, TaskName.SWEEP)}
    if poll_is_wanted(settings):
        plan["poll"] = _every(look_every(settings), TaskName.POLL)
        plan["existence"] = _every(EXISTENCE_EVERY, TaskName.EXISTENCE)
    return plan


def _every(seconds: float, name: TaskName) -> dict[str, Any]:
    return {"task": name.value, "schedule": seconds, "options": {"expires": seconds}}
