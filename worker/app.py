"""The worker's composition root: `celery -A worker.app worker` and `… beat`."""

import functools
import warnings
from typing import Any

from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # missing from celery-types
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)

from shared.broker.celery_app import make_celery
from shared.logs import get_logger, setup_logs
from shared.settings import load_settings
from worker import tasks
from worker.process import shutdown
from worker.process.concurrency_limit import ConcurrencyLimit
from worker.process.heartbeat import BeatScheduler
from worker.process.watchdog import Watchdog
from worker.runtime import Runtime, make_runtime

# Celery warns about running as root because of pickled messages; we accept JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

log = get_logger(__name__)
settings = load_settings()
app = make_celery(settings)
app.conf.update(
    routecard_settings=settings,
    beat_schedule=tasks.beat_schedule(settings),
    beat_scheduler=f"{BeatScheduler.__module__}:{BeatScheduler.__name__}",
    beat_max_loop_interval=1.0,
)
app.steps["worker"].add(Watchdog)


@functools.cache
def runtime() -> Runtime:
    """This process's runtime: made at first use, which is after the fork."""
    return make_runtime(settings, celery=app)


@functools.cache
def jira_limit() -> ConcurrencyLimit:
    """The limit on work for Jira: made before the pool forks, shared by its processes."""
    return ConcurrencyLimit(processes=settings.worker_processes)


tasks.register(app, runtime=runtime, jira_limit=jira_limit, time_limit=settings.drain_limit)


@setup_logging.connect(weak=False)
def _set_up_logs(**_: Any) -> None:
    setup_logs(fmt=settings.log_format, level=settings.log_level)


@worker_init.connect(weak=False)
def _prepare_main_process(**_: Any) -> None:
    if settings.plain_jira:
        log.warning("jira_over_plain_http", remedy="set JIRA_BASE_URL to the https:// address")
    if settings.jira_base_url and not settings.jira_project:
        log.warning(
            "jira_project_not_set",
            effect="every ticket that our account may see can fill a job, and nothing is polled",
            remedy="set JIRA_PROJECT to the keys of your projects, or to * if all are meant",
        )
    jira_limit()
    shutdown.prepare_main()


@worker_process_init.connect(weak=False)
def _prepare_pool_process(**_: Any) -> None:
    shutdown.prepare_pool_process()


@worker_process_shutdown.connect(weak=False)
def _close_pool_process(**_: Any) -> None:
    if runtime.cache_info().currsize:
        runtime().close()


@worker_shutdown.connect(weak=False)
def _close_main_process(**_: Any) -> None:
    jira_limit().remove()
