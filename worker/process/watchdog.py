"""The watchdog of the worker's main process: heartbeat, stalled consumer, prompt shutdown."""

import functools
import os
import signal
import threading
import time
from typing import Any

from celery import bootsteps
from celery.signals import task_received, worker_shutting_down

from shared.broker.redis_client import make_redis, queue_length
from shared.broker.task_names import Queue
from shared.logs import get_logger
from shared.settings import Settings
from worker.process import shutdown
from worker.process.heartbeat import FORK_LOCK, HeartbeatWriter

log = get_logger(__name__)

STALLED_SECONDS = 20.0
"""If messages wait and none was received for so long, the consumer is stalled."""
SHUTDOWN_SECONDS = 30.0
"""A stalled worker that has not ended so long after SIGTERM is killed."""


class Watchdog(bootsteps.StartStopStep):
    """A Celery bootstep of the worker's main process.

    After a short failure of its broker a Celery worker can be alive and consume nothing. This one
    then ends itself, and its supervisor starts it again. Whatever ends the worker, its pool is
    made to drop calls to Jira.
    """

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopped = threading.Event()
        self._received_at = time.monotonic()

    def start(self, parent: Any) -> None:
        """Start the watchdog's thread."""
        settings = parent.app.conf.routecard_settings
        task_received.connect(self._note_received, weak=False)
        worker_shutting_down.connect(functools.partial(_interrupt_pool, parent), weak=False)
        threading.Thread(target=self._run, args=(settings,), daemon=True, name="watchdog").start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002  Celery calls it with the worker
        """Stop the watchdog's thread."""
        self._stopped.set()

    def _note_received(self, **_: Any) -> None:
        self._received_at = time.monotonic()

    def _run(self, settings: Settings) -> None:
        with FORK_LOCK:
            heartbeat, client = HeartbeatWriter(settings, "worker"), make_redis(settings)
        while not self._stopped.wait(1.0):
            with FORK_LOCK:
                heartbeat.write()
                stalled = self._is_stalled(client)
            if stalled:
                seconds = round(time.monotonic() - self._received_at)
                log.error("worker_consumer_stalled", seconds_without_message=seconds)
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(SHUTDOWN_SECONDS)
                os.kill(os.getpid(), signal.SIGKILL)

    def _is_stalled(self, client: Any) -> bool:
        if time.monotonic() - self._received_at < STALLED_SECONDS:
            return False
        try:
            return queue_length(client, Queue.INTERNAL) > 0
        except Exception:  # noqa: BLE001  without a broker nothing can be received
            self._received_at = time.monotonic()
            return False


def _interrupt_pool(worker: Any, **_: Any) -> None:
    shutdown.interrupt(worker.pool.info["processes"])
