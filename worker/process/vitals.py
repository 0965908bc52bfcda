"""Signs of life: heartbeats of worker and beat, and a worker that notices its own deafness."""

import functools
import os
import signal
import threading
import time
from typing import Any

from celery import bootsteps
from celery.beat import Scheduler
from celery.signals import task_received, worker_shutting_down

from shared import heartbeats
from shared.broker.redis_client import make_redis, queue_length
from shared.broker.task_names import Queue
from shared.database.engine import make_unpooled_engine
from shared.logs import get_logger
from shared.settings import Settings
from worker.process import shutdown

log = get_logger(__name__)

BEAT_EVERY = 2.0
DEAF_SECONDS = 20.0
"""Messages wait and none was received for so long: the consumer is deaf, start anew."""
DYING_SECONDS = 30.0
"""A deaf worker that did not end within this may be stuck for good, and is killed."""

# The pool may fork a new process at any time. A fork in the middle of our thread's work would copy
# a lock that nobody in the child ever releases, so the two take turns.
_turns = threading.Lock()
os.register_at_fork(
    before=_turns.acquire, after_in_parent=_turns.release, after_in_child=_turns.release
)


class HeartbeatWriter:
    """Writes a row that says: this part is alive. A database that is away is no reason to die."""

    def __init__(self, settings: Settings, name: str) -> None:
        # With short timeouts, because a fork of the pool waits for a heartbeat under way.
        self._engine = make_unpooled_engine(
            settings.database_dsn(), timeouts={"statement_timeout": 2000}, connect_timeout=2
        )
        self._name = name
        self._last = 0.0

    def beat(self) -> None:
        """Write the row, at most once in ``BEAT_EVERY`` seconds."""
        if time.monotonic() - self._last < BEAT_EVERY:
            return
        self._last = time.monotonic()
        try:
            with self._engine.begin() as connection:
                heartbeats.record(connection, self._name)
        except Exception as error:  # noqa: BLE001  the heart must not stop for the paper it writes on
            log.warning("heartbeat_not_written", part=self._name, error=type(error).__name__)


class BeatScheduler(Scheduler):
    """Celery's in-memory scheduler with a heartbeat; our schedule needs no file to survive."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One round of the scheduler."""
        if not hasattr(self, "_heart"):
            self._heart = HeartbeatWriter(self.app.conf.routecard_settings, "beat")
        self._heart.beat()
        return min(float(super().tick(*args, **kwargs)), BEAT_EVERY)


def _leave(worker: Any, **_: Any) -> None:
    shutdown.tell(worker.pool.info["processes"])


class Watchdog(bootsteps.StartStopStep):
    """In the worker's main process: a heartbeat, the watch over its own consumer, a prompt end.

    A Celery worker can be alive and consume nothing after its broker blinked; this one then ends
    itself, and whoever started it starts it again. However the end comes, the pool is told not to
    wait for Jira.
    """

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stop = threading.Event()
        self._received = time.monotonic()

    def start(self, parent: Any) -> None:
        """Begin watching."""
        settings = parent.app.conf.routecard_settings
        task_received.connect(self._heard, weak=False)
        worker_shutting_down.connect(functools.partial(_leave, parent), weak=False)
        threading.Thread(target=self._run, args=(settings,), daemon=True, name="vitals").start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002  Celery calls it with the worker
        """End watching."""
        self._stop.set()

    def _heard(self, **_: Any) -> None:
        self._received = time.monotonic()

    def _run(self, settings: Settings) -> None:
        with _turns:
            heart, client = HeartbeatWriter(settings, "worker"), make_redis(settings)
        while not self._stop.wait(1.0):
            with _turns:
                heart.beat()
                deaf = self._deaf(client)
            if deaf:
                log.error("worker_deaf", silent_seconds=round(time.monotonic() - self._received))
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(DYING_SECONDS)
                os.kill(os.getpid(), signal.SIGKILL)

    def _deaf(self, client: Any) -> bool:
        if time.monotonic() - self._received < DEAF_SECONDS:
            return False
        try:
            return queue_length(client, Queue.INTERNAL) > 0
        except Exception:  # noqa: BLE001  a broker that is away makes nobody deaf
            self._received = time.monotonic()
            return False
