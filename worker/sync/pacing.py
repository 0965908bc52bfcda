"""How soon after one another bulk reads start: full batches at once, small ones in steps."""

from typing import Any

from shared.broker.redis_client import KEY_PREFIX, RedisError
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)

PACE_KEY = f"{KEY_PREFIX}pace"
PACE_MILLIS = 250
"""A batch that is not full starts no sooner than this after the last one."""


class Pacing:
    """Shared by all workers through the broker's server; without it each worker goes ahead."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def may_start_small(self) -> bool:
        """Whether a small batch may start now; if so, the next one may in ``PACE_MILLIS``."""
        try:
            return bool(self._client.set(PACE_KEY, 1, nx=True, px=PACE_MILLIS))
        except RedisError as error:
            log.warning("pace_unknown", error=type(error).__name__)
            return True

    def full_started(self) -> None:
        """A full batch starts now and needs no leave."""
        try:
            self._client.set(PACE_KEY, 1, px=PACE_MILLIS)
        except RedisError as error:
            log.warning("pace_unknown", error=type(error).__name__)

    def remaining(self) -> float:
        """Seconds until a small batch may start; at least a millisecond, so that a loop moves."""
        try:
            return float(max(1, min(PACE_MILLIS, self._client.pttl(PACE_KEY)))) / 1000
        except RedisError:
            return PACE_MILLIS / 1000


def wait_for_leave(pace: Pacing, *, clock: Clock, pause: Any, longest: float = 1.0) -> bool:
    """Wait until a small batch may start, ``longest`` seconds at most; False if it was not to be.

    ``pause`` sleeps for the seconds it is given.
    """
    deadline = clock.monotonic() + longest
    while not pace.may_start_small():
        if clock.monotonic() > deadline:
            return False
        pause(pace.remaining())
    return True
