"""What one API process works with: settings, database, doorbell, clock; made at the edge."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import BoundedSemaphore
from typing import TypeVar, cast

from flask import current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.fills import FillWatch
from api.intake import Seats
from api.readiness import Probe
from api.recent import Recent
from api.rejections import Rejections
from shared import db, pauses
from shared.broker import Doorbell
from shared.clock import Clock, SystemClock
from shared.pauses import Pause
from shared.settings import Settings

EXTENSION = "routecard"

T = TypeVar("T")


@dataclass
class Runtime:
    """Made by ``create_app``; opens nothing before its first use, hence after fork."""

    settings: Settings
    given_engine: Engine | None = None
    given_doorbell: Doorbell | None = None
    clock: Clock = field(default_factory=SystemClock)

    @cached_property
    def engine(self) -> Engine:
        """The process's engine: a connection kept for each request thread."""
        return self.given_engine or db.make_engine(
            self.settings.database_dsn(), pool_size=self.settings.api_threads
        )

    @cached_property
    def doorbell(self) -> Doorbell:
        """The process's doorbell; ring it after the commit."""
        return self.given_doorbell or Doorbell(self.settings, clock=self.clock)

    @cached_property
    def fills(self) -> FillWatch:
        """Where requests wait for fills: a quarter of the threads may."""
        return FillWatch(lambda: self.engine, seats=max(1, self.settings.api_threads // 4))

    @cached_property
    def streams(self) -> BoundedSemaphore:
        """Seats of lists that are streamed: half of the threads may, however slow their clients."""
        return BoundedSemaphore(max(1, self.settings.api_threads // 2))

    @cached_property
    def seats(self) -> Seats:
        """Where webhooks' bodies are read, few at a time."""
        return Seats(threads=self.settings.api_threads)

    @cached_property
    def rejections(self) -> Rejections:
        """Where webhooks that were turned away are counted."""
        return Rejections(lambda: self.engine)

    @cached_property
    def probe(self) -> Probe:
        """What /readyz asks."""
        return Probe(self.settings, lambda: self.engine)

    @cached_property
    def _pause(self) -> Recent[Pause | None]:
        return Recent(self.clock)

    def pause(self, session: Session) -> Pause | None:
        """What holds all fills up, as of a second ago at most: a create shall not wait to ask."""
        return self._pause.get("", lambda: pauses.current(session))


def runtime() -> Runtime:
    """The runtime of the application that serves this request."""
    return cast(Runtime, current_app.extensions[EXTENSION])


def in_transaction(work: Callable[[Session], T]) -> T:
    """Run ``work`` in one transaction of this request, again after a deadlock; commits."""
    done = db.in_transaction(runtime().engine, work)
    has_written()
    return done


def has_written() -> None:
    """Note that this request has committed something: it cannot be sent again as if it had not."""
    g.has_written = True


def ring() -> None:
    """Tell the workers that something is due. Call it after the commit; costs nothing."""
    runtime().doorbell.ring()
