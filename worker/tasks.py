"""The Celery tasks: name, queue, limits, and one call each."""

from collections.abc import Callable
from typing import Any

from celery import Celery

from shared.broker import TaskName
from worker.fill import drain
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


def schedule() -> dict[str, Any]:
    """What beat sends and how often, in seconds; a message is worthless after one interval."""
    return {
        "sweep": {"task": TaskName.SWEEP.value, "schedule": 1.0, "options": {"expires": 1.0}},
    }
