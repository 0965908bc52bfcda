"""Whether this process can serve: checks that end in time even if a server does not answer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.runtime import Runtime
from shared import heartbeats
from shared.broker.redis_client import ping
from shared.database import engine as db
from shared.migrations.runner import is_current
from shared.tickets.projects import lost_ones

T = TypeVar("T")

TIMEOUT_SECONDS = 0.7
"""How long /readyz waits for its checks. A supervisor takes a process that is slower for dead."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """``refusal`` says why we cannot serve, or is None.

    ``degraded`` names parts that are away, and projects that cannot be polled.
    """

    refusal: str | None
    degraded: tuple[str, ...] = ()


class SingleFlight(Generic[T]):
    """One question to a server that may hang; one thread asks at a time for all callers.

    If that thread hangs, later callers wait for the same answer, each for its own timeout.
    """

    def __init__(self, name: str, ask: Callable[[], T]) -> None:
        self._name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def answer(self, *, timeout: float) -> T:
        """The answer. Raises TimeoutError after ``timeout`` seconds, or what asking raised."""
        with self._lock:
            flight = self._flight
            if flight is None or flight.done():
                flight = self._flight = Future()
                threading.Thread(
                    target=self._run, args=(flight,), name=f"check-{self._name}", daemon=True
                ).start()
        return flight.result(timeout=timeout)

    def _run(self, flight: Future[T]) -> None:
        try:
            flight.set_result(self._ask())
        except BaseException as error:  # noqa: BLE001  raised again where the answer is awaited
            flight.set_exception(error)


class Prober:
    """Checks whether this process can serve."""

    def __init__(self, runtime: Runtime) -> None:
        self._settings = runtime.settings
        self._engine = runtime.engine
        self._database = SingleFlight("database", self._ask_database)
        self._broker = SingleFlight("broker", self._ask_broker)

    def check(self) -> Readiness:
        """Check database and broker, in less than a second."""
        broker_away = not _answers(self._broker, timeout=TIMEOUT_SECONDS / 2)
        try:
            current, away = self._database.answer(timeout=TIMEOUT_SECONDS / 2)
        except Exception:  # noqa: BLE001  whatever it is, the database cannot be used
            return Readiness("The database cannot be reached.")
        if not current:
            return Readiness("The database is not migrated: run `routecard migrate`.")
        return Readiness(None, ("broker",) * broker_away + away)

    def _ask_database(self) -> tuple[bool, tuple[str, ...]]:
        with db.begin(self._engine) as session:
            if not is_current(session):
                return False, ()
            lost = lost_ones(session, self._settings)
            away = (*heartbeats.silent_parts(session), *(f"project {p.project}" for p in lost))
            return True, away

    def _ask_broker(self) -> bool:
        ping(self._settings, timeout=TIMEOUT_SECONDS / 2)
        return True


def _answers(check: SingleFlight[bool], *, timeout: float) -> bool:
    try:
        return check.answer(timeout=timeout)
    except Exception:  # noqa: BLE001  a broker that fails in any way is away
        return False
