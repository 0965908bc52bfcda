"""Tells the workers that something is due, without delaying the caller (docs/adr/0003)."""

import threading

from celery import Celery

from shared.broker import wakeups
from shared.broker.celery_app import make_celery, send
from shared.broker.redis_client import Redis, make_redis
from shared.broker.wakeups import Wakeup
from shared.logs import get_logger
from shared.settings import Settings

log = get_logger(__name__)

BACKOFF_SECONDS = (1.0, 5.0)
"""Pause after a wake-up that failed: the first and the longest."""


class Notifier:
    """Sends wake-ups from a thread, one message a second at most.

    ``notify`` only records the wake-up. If the broker is down or silent, requests lose no time and
    nothing is lost: the worker's sweep finds the rows that are due.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pending: set[Wakeup] = set()
        self._has_pending = threading.Event()
        self._closed = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._backoff = 0.0

    def notify(self, wakeup: Wakeup = Wakeup.TASKS) -> None:
        """Say that something is due. Never blocks, never raises."""
        self._pending.add(wakeup)
        self._has_pending.set()
        if self._thread is None or not self._thread.is_alive():
            self._start_thread()

    def close(self) -> None:
        """Stop the thread, after it has sent the wake-ups recorded so far."""
        self._closed.set()
        self._has_pending.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _start_thread(self) -> None:
        """Start the thread, also in a forked process, where the parent's thread does not run."""
        with self._start_lock:
            alive = self._thread is not None and self._thread.is_alive()
            if not alive and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        client = make_redis(self._settings)
        celery = make_celery(self._settings)
        celery.conf.broker_transport_options |= {"socket_timeout": 0.5, "max_retries": 0}
        while not self._closed.is_set():
            self._has_pending.wait()
            self._has_pending.clear()
            while self._pending:
                self._send(client, celery, self._pending.pop())
        client.close()
        celery.close()

    def _send(self, client: Redis, celery: Celery, wakeup: Wakeup) -> None:
        try:
            if wakeups.set_flag(client, wakeup):
                send(celery, wakeup.message)
            self._backoff = 0.0
        except Exception as error:  # noqa: BLE001  kombu lets errors of every layer through
            first, longest = BACKOFF_SECONDS
            self._backoff = min(longest, max(first, self._backoff * 2))
            log.warning("notify_failed", error=type(error).__name__, backoff=self._backoff)
            self._closed.wait(self._backoff)
