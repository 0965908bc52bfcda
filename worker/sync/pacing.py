"""Pacing of bulk reads: full batches start at once, small ones at intervals."""

from collections.abc import Callable
from typing import Any

from shared.broker.redis_client import KEY_PREFIX, RedisError
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)

PACING_KEY = f"{KEY_PREFIX}pacing"
INTERVAL_MILLIS = 250
"""A small batch starts no sooner than this after the last batch."""


class Pacing:
    """Shared by all workers through Redis. While Redis is away, each worker starts at once."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def may_start_small(self) -> bool:
        """Whether a small batch may start now. If so, the next one waits ``INTERVAL_MILLIS``."""
        try:
            return bool(self._client.set(PACING_KEY, 1, nx=True, px=INTERVAL_MILLIS))
        except RedisError as error:
            log.warning("pacing_unavailable", error=type(error).__name__)
            return True

    def full_batch_started(self) -> None:
        """Restart the interval: a full batch starts now."""
        try:
            self._client.set(PACING_KEY, 1, px=INTERVAL_MILLIS)
        except RedisError as error:
            log.warning("pacing_unavailable", error=type(error).__name__)

    def remaining(self) -> float:
        """Seconds until a small batch may start, at least a millisecond."""
        try:
            millis = max(1, min(INTERVAL_MILLIS, self._client.pttl(PACING_KEY)))
        except RedisError:
            millis = INTERVAL_MILLIS
        return float(millis) / 1000


def wait_until_allowed(
    pacing: Pacing, *, clock: Clock, sleep: Callable[[float], None], longest: float = 1.0
) -> bool:
    """Wait until a small batch may start. False: it may not within ``longest`` seconds."""
    deadline = clock.monotonic() + longest
    while not pacing.may_start_small():
        if clock.monotonic() > deadline:
            return False
        sleep(pacing.remaining())
    return True
