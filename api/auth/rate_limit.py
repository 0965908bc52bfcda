"""How often a token may call, and an address fail to authenticate; counted in Redis for all.

If Redis is away nothing is refused: a limit protects us from programs that run wild, and must not
stop the others.
"""

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from api.http.refusals import RateLimitedError
from api.runtime import Runtime
from shared.broker.redis_client import KEY_PREFIX, make_redis
from shared.logs import get_logger

log = get_logger(__name__)

REFUSALS_PER_MINUTE = 6000
"""Requests without a valid token that one address may send in a minute; then 429 answers them.

A valid token is accepted from that address all the same: others may share the address.
"""
_REDIS_AGAIN = 5.0
_TIMEOUT = 0.1


class RateLimit:
    """The limits. After a failure of Redis, which takes 0.1 s at most, nothing counts for 5 s."""

    def __init__(self, runtime: Runtime) -> None:
        client = make_redis(runtime.settings, timeout=_TIMEOUT)
        runtime.on_close(client.close)
        storage = RedisStorage(
            "redis://",
            connection_pool=client.connection_pool,
            key_prefix=f"{KEY_PREFIX}limits",
            wrap_exceptions=True,
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._clock = runtime.clock
        self._redis_at = 0.0
        allowed = runtime.settings.requests_per_minute
        self._of_token = RateLimitItemPerMinute(allowed, namespace="token") if allowed else None
        self._of_address = RateLimitItemPerMinute(REFUSALS_PER_MINUTE, namespace="address")

    def count_call(self, credential: str) -> None:
        """Count a call of this credential. Raises RateLimitedError if it may not call now."""
        if self._of_token is not None:
            self._count(
                self._of_token,
                credential,
                f"This token may send {self._of_token.amount} requests a minute",
            )

    def count_refusal(self, address: str) -> None:
        """Count a request without a valid token. Raises RateLimitedError if there were too many."""
        self._count(
            self._of_address, address, "Too many requests without a valid token from your address"
        )

    def _count(self, limit: RateLimitItem, name: str, message: str) -> None:
        if self._clock.monotonic() < self._redis_at:
            return
        try:
            if self._limiter.hit(limit, name):
                return
            reset = self._limiter.get_window_stats(limit, name).reset_time
        except StorageError as error:
            self._redis_at = self._clock.monotonic() + _REDIS_AGAIN
            log.warning("rate_limit_off", error=type(error.storage_error).__name__)
            return
        seconds = max(1, round(reset - self._clock.now().timestamp()))
        raise RateLimitedError(message, retry_after=seconds)
