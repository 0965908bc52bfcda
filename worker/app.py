"""The worker's composition root: `celery -A worker.app worker` and `… beat`."""

import functools
import warnings
from typing import Any

from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # the types lack it
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)

from shared.broker.celery_app import make_celery
from shared.logs import setup_logs
from shared.settings import load_settings
from worker import tasks
from worker.process import shutdown
from worker.process.concurrency_limit import ConcurrencyLimit
from worker.process.vitals import BeatScheduler, Watchdog
from worker.runtime import Runtime, make_runtime

# Celery warns of root because of pickled messages; ours are JSON and nothing else is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

settings = load_settings()
app = make_celery(settings)
app.conf.update(
    routecard_settings=settings,
    beat_schedule=tasks.schedule(settings),
    beat_scheduler=f"{BeatScheduler.__module__}:{BeatScheduler.__name__}",
    beat_max_loop_interval=1.0,
)
app.steps["worker"].add(Watchdog)


@functools.cache
def runtime() -> Runtime:
    """This process's runtime: made at first use, hence after fork."""
    return make_runtime(settings, celery=app)


@functools.cache
def slots() -> ConcurrencyLimit:
    """The slots of this worker: made before the pool forks, shared by its processes."""
    return ConcurrencyLimit(processes=settings.worker_processes)


tasks.register(app, runtime=runtime, slots=slots, limit=settings.drain_limit)


@setup_logging.connect(weak=False)
def _logs(**_: Any) -> None:
    setup_logs(fmt=settings.log_format, level=settings.log_level)


@worker_init.connect(weak=False)
def _before_fork(**_: Any) -> None:
    slots()
    shutdown.prepare_main()


@worker_process_init.connect(weak=False)
def _process_begins(**_: Any) -> None:
    shutdown.prepare_pool_process()


@worker_process_shutdown.connect(weak=False)
def _process_ends(**_: Any) -> None:
    if runtime.cache_info().currsize:
        runtime().close()


@worker_shutdown.connect(weak=False)
def _worker_ends(**_: Any) -> None:
    slots().remove()
