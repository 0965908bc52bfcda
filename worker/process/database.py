"""Work on a database that is away, or that refuses a value."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DataError, IntegrityError, InternalError, OperationalError

from shared.clock import Clock
from shared.errors import DatabaseUnavailableError

T = TypeVar("T")

REFUSED_VALUES = (DataError, IntegrityError, InternalError)
"""How PostgreSQL refuses a value; its other errors are not about one ticket or delivery."""

_INTERVAL = 0.5


def while_database_is_away(work: Callable[[], T], *, clock: Clock, seconds: float) -> T:
    """Call ``work`` again until the database answers; raises its error after ``seconds``.

    What was read for a lease is worth waiting for: a restart of the database costs no lease.
    """
    deadline = clock.monotonic() + seconds
    while True:
        try:
            return work()
        except (DatabaseUnavailableError, OperationalError):
            if clock.monotonic() > deadline:
                raise
            time.sleep(_INTERVAL)
