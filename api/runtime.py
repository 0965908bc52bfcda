"""What one API process works with: settings, database, notifier, clock and its own singletons."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.accounts.exposure import open_mode_possible
from shared.broker.notifier import Notifier
from shared.broker.wakeups import Wakeup
from shared.clock import Clock, SystemClock
from shared.database import engine as db
from shared.settings import Settings

_EXTENSION = "routecard"

T = TypeVar("T")


class Runtime:
    """Made by ``create_app``. It opens nothing before its first use, so not before a fork."""

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Engine | None = None,
        clock: Clock | None = None,
        under_dev: bool = False,
    ) -> None:
        self.settings = settings
        self.open_mode_possible = open_mode_possible(settings, under_dev=under_dev)
        self.clock = clock or SystemClock()
        self._given_engine = engine
        self._singletons: dict[Callable[[Runtime], Any], Any] = {}
        self._lock = RLock()
        self._to_close = ExitStack()

    def register(self, app: Flask) -> None:
        """Make this the runtime of an application."""
        app.extensions[_EXTENSION] = self

    def singleton(self, make: Callable[["Runtime"], T]) -> T:
        """This process's one ``make(runtime)``, made at its first use."""
        with self._lock:
            if make not in self._singletons:
                self._singletons[make] = make(self)
            return cast(T, self._singletons[make])

    def on_close(self, callback: Callable[[], object]) -> None:
        """Have something called when this process stops serving; the last one first."""
        self._to_close.callback(callback)

    def close(self) -> None:
        """End the threads and connections of this process."""
        self._to_close.close()

    @property
    def engine(self) -> Engine:
        """The process's database: a connection for each request thread."""
        return self._given_engine or self.singleton(_make_engine)

    @property
    def notifier(self) -> Notifier:
        """Wakes the workers. Use it after the commit."""
        return self.singleton(_make_notifier)


def _make_engine(runtime: Runtime) -> Engine:
    settings = runtime.settings
    engine = db.make_engine(settings.database_dsn(), pool_size=settings.api_threads)
    runtime.on_close(engine.dispose)
    return engine


def _make_notifier(runtime: Runtime) -> Notifier:
    notifier = Notifier(runtime.settings)
    runtime.on_close(notifier.close)
    return notifier


def runtime_of(app: Flask) -> Runtime:
    """The runtime of an application."""
    return cast(Runtime, app.extensions[_EXTENSION])


def current_runtime() -> Runtime:
    """The runtime of the application that serves this request."""
    return runtime_of(current_app)


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction of this request, committed at the end of the block."""
    with db.begin(current_runtime().engine) as session:
        yield session


def in_transaction(work: Callable[[Session], T]) -> T:
    """Run ``work`` in one transaction of this request and commit; again after a deadlock."""
    result = db.in_transaction(current_runtime().engine, work)
    has_written()
    return result


def has_written() -> None:
    """Note that this request has committed something, so that its errors do not deny it."""
    g.has_written = True


def notify(wakeup: Wakeup = Wakeup.TASKS) -> None:
    """Tell the workers that something is due. Call it after the commit; it never blocks."""
    current_runtime().notifier.notify(wakeup)
