"""Heartbeats: rows by which the worker and beat show that they are running."""

import os
import threading
import time
from typing import Any

from celery.beat import Scheduler

from shared import heartbeats
from shared.database.engine import make_unpooled_engine
from shared.logs import get_logger
from shared.settings import Settings

log = get_logger(__name__)

INTERVAL_SECONDS = 2.0

FORK_LOCK = threading.Lock()
"""Held by a thread of the main process while it works.

The pool may fork at any time. A fork during the thread's work would copy a lock that no thread
of the child ever releases, so each fork waits for this one.
"""
os.register_at_fork(
    before=FORK_LOCK.acquire, after_in_parent=FORK_LOCK.release, after_in_child=FORK_LOCK.release
)


class HeartbeatWriter:
    """Writes the row of one part of the system. A database that is away does not stop it."""

    def __init__(self, settings: Settings, name: str) -> None:
        # Short timeouts, because forks of the pool wait while a heartbeat is written.
        self._engine = make_unpooled_engine(
            settings.database_dsn(), timeouts={"statement_timeout": 2000}, connect_timeout=2
        )
        self._name = name
        self._written_at = 0.0

    def write(self) -> None:
        """Write the row, at most once in ``INTERVAL_SECONDS``."""
        if time.monotonic() - self._written_at < INTERVAL_SECONDS:
            return
        self._written_at = time.monotonic()
        try:
            with self._engine.begin() as connection:
                heartbeats.record(connection, self._name)
        except Exception as error:  # noqa: BLE001  the writer outlives every failure of a write
            log.warning("heartbeat_not_written", part=self._name, error=type(error).__name__)


class BeatScheduler(Scheduler):
    """Celery's in-memory scheduler with a heartbeat; our schedule needs no file."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due. Returns the seconds until the next call."""
        if not hasattr(self, "_heartbeat"):
            self._heartbeat = HeartbeatWriter(self.app.conf.routecard_settings, "beat")
        self._heartbeat.write()
        return min(float(super().tick(*args, **kwargs)), INTERVAL_SECONDS)
