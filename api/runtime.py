"""What one API process works with: settings, database, doorbell, clock; made at the edge."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import BoundedSemaphore
from typing import TypeVar, cast

from flask import current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.health.readiness import Probe
from api.http.fill_watch import FillWatch
from api.http.ttl_cache import TTLCache
from api.webhooks.read_body import ConcurrencyLimit
from api.webhooks.rejections import Rejections
from shared.broker.celery_app import Notifier
from shared.clock import Clock, SystemClock
from shared.database import engine as db
from shared.settings import Settings
from shared.sync import pauses
from shared.sync.pauses import Pause

EXTENSION = "routecard"

T = TypeVar("T")


@dataclass
class Runtime:
    """Made by ``create_app``; opens nothing before its first use, hence after fork."""

    settings: Settings
    given_engine: Engine | None = None
    given_notifier: Notifier | None = None
    clock: Clock = field(default_factory=SystemClock)

    @cached_property
    def engine(self) -> Engine:
        """The process's engine: a connection kept for each request thread."""
        return self.given_engine or db.make_engine(
            self.settings.database_dsn(), pool_size=self.settings.api_threads
        )

    @cached_property
    def notifier(self) -> Notifier:
        """The process's doorbell; ring it after the commit."""
        return self.given_notifier or Notifier(self.settings, clock=self.clock)

    @cached_property
    def fills(self) -> FillWatch:
        """Where requests wait for fills: a quarter of the threads may."""
        return FillWatch(lambda: self.engine, seats=max(1, self.settings.api_threads // 4))

    @cached_property
    def streams(self) -> BoundedSemaphore:
        """Seats of lists that are streamed: half of the threads may, however slow their clients."""
        return BoundedSemaphore(max(1, self.settings.api_threads // 2))

    @cached_property
    def seats(self) -> ConcurrencyLimit:
        """Where webhooks' bodies are read, few at a time."""
        return ConcurrencyLimit(threads=self.settings.api_threads)

    @cached_property
    def rejections(self) -> Rejections:
        """Where webhooks that were turned away are counted."""
        return Rejections(lambda: self.engine)

    @cached_property
    def probe(self) -> Probe:
        """What /readyz asks."""
        return Probe(self.settings, lambda: self.engine)

    @cached_property
    def _pause(self) -> TTLCache[Pause | None]:
        return TTLCache(self.clock)

    def pause(self, session: Session) -> Pause | None:
        """What holds all fills up, as of a second ago at most: a create shall not wait to ask."""
        return self._pause.get("", lambda: pauses.current(session))


def current_runtime() -> Runtime:
    """The runtime of the application that serves this request."""
    return cast(Runtime, current_app.extensions[EXTENSION])


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction of this request, committed at the end of the block."""
    with db.begin(current_runtime().engine) as session:
        yield session


def in_transaction(work: Callable[[Session], T]) -> T:
    """Run ``work`` in one transaction of this request, again after a deadlock; commits."""
    done = db.in_transaction(current_runtime().engine, work)
    has_written()
    return done


def has_written() -> None:
    """Note that this request has committed something: it cannot be sent again as if it had not."""
    g.has_written = True


def notify() -> None:
    """Tell the workers that something is due. Call it after the commit; costs nothing."""
    current_runtime().notifier.notify()
