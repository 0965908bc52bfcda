"""Waiting for fills: one thread polls for all waiting requests, which hold no connection."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from api.runtime import Runtime
from shared.database.engine import begin
from shared.jobs import queries
from shared.logs import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.04
"""How often the waiting tasks are read, all in one query by primary key."""


class FillWatch:
    """Waits for the end of sync tasks, for as many requests as a quarter of the threads serve."""

    def __init__(self, runtime: Runtime) -> None:
        self._engine = runtime.engine
        self._limit = threading.BoundedSemaphore(max(1, runtime.settings.api_threads // 4))
        self._lock = threading.Lock()
        self._waiting: dict[threading.Event, str] = {}
        self._poller: threading.Thread | None = None
        runtime.on_close(self.close)

    def wait(self, task_id: str, *, seconds: float) -> bool:
        """Wait until the task has ended or the time is over; False if too many wait already."""
        if not self._limit.acquire(blocking=False):
            return False
        try:
            with self._registered(task_id) as ended:
                ended.wait(seconds)
            return True
        finally:
            self._limit.release()

    def close(self) -> None:
        """Let all requests go on, and end the thread."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            poller = self._poller
        for event in waiting:
            event.set()
        if poller is not None:
            poller.join()

    @contextmanager
    def _registered(self, task_id: str) -> Iterator[threading.Event]:
        ended = threading.Event()
        with self._lock:
            self._waiting[ended] = task_id
            if self._poller is None:
                self._poller = threading.Thread(target=self._poll, name="fills", daemon=True)
                self._poller.start()
        try:
            yield ended
        finally:
            with self._lock:
                self._waiting.pop(ended, None)

    def _poll(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                waiting = dict(self._waiting)
                if not waiting:
                    self._poller = None
                    return
            ended = self._ended(set(waiting.values()))
            for event, task_id in waiting.items():
                if task_id in ended:
                    event.set()
            pause.wait(POLL_SECONDS)

    def _ended(self, task_ids: set[str]) -> set[str]:
        try:
            with begin(self._engine) as session:
                return queries.ended_tasks(session, task_ids)
        except Exception as error:  # noqa: BLE001  the waiting requests answer what is known
            log.warning("fills_not_seen", error=type(error).__name__)
            return set()
