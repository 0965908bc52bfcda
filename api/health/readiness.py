"""Whether this process can serve: looks that end in time also where nobody answers."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Engine

from shared import heartbeats
from shared.broker.celery_app import make_redis
from shared.database import engine as db
from shared.migrations.runner import is_current
from shared.settings import Settings

T = TypeVar("T")

PATIENCE_SECONDS = 0.7
"""How long /readyz waits for a look; a probe that waits longer takes us for dead."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """``refusal`` says why we cannot serve, None where we can; ``degraded`` what is away."""

    refusal: str | None
    degraded: tuple[str, ...] = ()


class SingleFlight(Generic[T]):
    """One question to a server that may be silent; asked by one thread at a time, however many ask.

    A thread that hangs is waited for by all who ask meanwhile, each for as long as it likes.
    """

    def __init__(self, name: str, ask: Callable[[], T]) -> None:
        self._name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def answer(self, *, within: float) -> T:
        """The answer; raises TimeoutError after ``within`` seconds, or what asking raised."""
        with self._lock:
            flight = self._flight
            if flight is None or flight.done():
                flight = self._flight = Future()
                threading.Thread(
                    target=self._run, args=(flight,), name=f"look-{self._name}", daemon=True
                ).start()
        return flight.result(timeout=within)

    def _run(self, flight: Future[T]) -> None:
        try:
            flight.set_result(self._ask())
        except BaseException as error:  # noqa: BLE001  handed to those who wait for the answer
            flight.set_exception(error)


class Probe:
    """The looks of one process."""

    def __init__(self, settings: Settings, engine: Callable[[], Engine]) -> None:
        self._settings = settings
        self._engine = engine
        self._database = SingleFlight("database", self._ask_database)
        self._broker = SingleFlight("broker", self._ask_broker)

    def look(self) -> Readiness:
        """How things stand, in less than a second."""
        broker_away = not _answers(self._broker, within=PATIENCE_SECONDS / 2)
        try:
            current, away = self._database.answer(within=PATIENCE_SECONDS / 2)
        except Exception:  # noqa: BLE001  whatever it is, the database is not there for us
            return Readiness("The database cannot be reached.")
        if not current:
            return Readiness("The database lacks migrations: run `routecard migrate`.")
        return Readiness(None, ("broker",) * broker_away + away)

    def _ask_database(self) -> tuple[bool, tuple[str, ...]]:
        with db.begin(self._engine()) as session:
            if not is_current(session):
                return False, ()
            return True, tuple(heartbeats.silent_parts(session))

    def _ask_broker(self) -> bool:
        client = make_redis(self._settings, timeout=PATIENCE_SECONDS / 2)
        try:
            return bool(client.ping())
        finally:
            client.close()


def _answers(look: SingleFlight[bool], *, within: float) -> bool:
    try:
        return look.answer(within=within)
    except Exception:  # noqa: BLE001  a broker that fails in any way is away
        return False
