"""Waiting for fills: many requests, one thread that looks, no connection held in between."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from shared.database.engine import begin
from shared.jobs import queries
from shared.logs import get_logger

log = get_logger(__name__)

LOOK_SECONDS = 0.04
"""How often the waiting tasks are looked at, all in one query by primary key."""


class FillWatch:
    """Says when sync tasks have ended, to at most ``seats`` requests at a time."""

    def __init__(self, engine: Callable[[], Engine], *, seats: int) -> None:
        self._engine = engine
        self._seats = threading.BoundedSemaphore(seats)
        self._lock = threading.Lock()
        self._waiting: dict[threading.Event, str] = {}
        self._looking = False

    def wait(self, task_id: str, *, seconds: float) -> bool:
        """Wait until the task has ended or the time is over; False where no seat was free."""
        if not self._seats.acquire(blocking=False):
            return False
        try:
            with self._listed(task_id) as ended:
                ended.wait(seconds)
            return True
        finally:
            self._seats.release()

    @contextmanager
    def _listed(self, task_id: str) -> Iterator[threading.Event]:
        ended = threading.Event()
        with self._lock:
            self._waiting[ended] = task_id
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look_on, name="fills", daemon=True).start()
        try:
            yield ended
        finally:
            with self._lock:
                self._waiting.pop(ended, None)

    def _look_on(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                waiting = dict(self._waiting)
                if not waiting:
                    self._looking = False
                    return
            ended = self._ended(set(waiting.values()))
            for event, task_id in waiting.items():
                if task_id in ended:
                    event.set()
            pause.wait(LOOK_SECONDS)

    def _ended(self, task_ids: set[str]) -> set[str]:
        try:
            with begin(self._engine()) as session:
                return queries.ended_tasks(session, task_ids)
        except Exception as error:  # noqa: BLE001  who waits gets the answer known so far
            log.warning("fills_not_seen", error=type(error).__name__)
            return set()
