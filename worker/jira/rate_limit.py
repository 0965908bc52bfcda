"""One budget of calls to Jira for all workers together, kept in Redis.

Jira counts the site, not the process: so do we, in moving windows that every worker shares. What
holds everybody up after Jira said no is the pause in PostgreSQL; this is what keeps it from
saying so. Where Redis is away, each process keeps to its own share until it is back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from shared.broker.redis_client import KEY_PREFIX, Redis
from shared.clock import Clock
from shared.logs import get_logger
from shared.settings import Settings
from worker.jira.errors import JiraLimited

log = get_logger(__name__)

LONGEST_BLOCK = 15.0
"""Seconds that ``acquire`` holds its caller; a longer wait is a pause for everybody."""

BURST = 50
"""Calls in one second at most: half of what Jira Cloud gives all callers of a site together."""

NEAR_SECONDS = 10
NEAR_FACTOR = 4
"""While Jira says that its limit is near, each call counts for so many of ours."""

_WINDOW = 10
_MINUTE = 60
_REDIS_AGAIN = 5.0
_SHORTEST_SLEEP = 0.02
_NAME = "jira"
_NEAR = "jira/near"


class BudgetExhausted(JiraLimited):
    """Our own budget does not allow the call in time; ``retry_after`` says when it will."""


def make_budget(settings: Settings, *, client: Redis, clock: Clock) -> "SharedBudget":
    """The budget of ``JIRA_REQUESTS_PER_MINUTE``; nothing goes over the network here."""
    storage = RedisStorage(
        "redis://",
        connection_pool=client.connection_pool,
        key_prefix=f"{KEY_PREFIX}limits",
        wrap_exceptions=True,
    )
    return SharedBudget(
        windows_of(settings.jira_requests_per_minute),
        shared=MovingWindowRateLimiter(storage),
        share=1 / settings.worker_processes,
        clock=clock,
    )


def windows_of(per_minute: int) -> tuple[RateLimitItem, ...]:
    """The moving windows of a budget, the one for bursts first.

    Ten seconds rather than sixty where there is enough to divide, so that one burst does not
    use up the minute and leave the rest of it to waiting.
    """
    if per_minute < _MINUTE:
        return (RateLimitItemPerSecond(per_minute, _MINUTE, namespace="routecard"),)
    sustained = per_minute * _WINDOW // _MINUTE
    burst = RateLimitItemPerSecond(min(BURST, sustained), 1, namespace="routecard")
    return (burst, RateLimitItemPerSecond(sustained, _WINDOW, namespace="routecard"))


@dataclass(slots=True, kw_only=True)
class _Limiter:
    """One place where calls are counted, with its windows."""

    strategy: MovingWindowRateLimiter
    windows: tuple[RateLimitItem, ...]

    def take(self, cost: int, *, now: float) -> float:
        """0 where the calls are allowed, and counted; else seconds until it is worth asking."""
        if self.strategy.storage.get(_NEAR):
            cost *= NEAR_FACTOR
        for window in self.windows:
            if not self.strategy.hit(window, _NAME, cost=min(cost, window.amount)):
                reset = self.strategy.get_window_stats(window, _NAME).reset_time
                return max(reset - now, _SHORTEST_SLEEP)
        return 0.0

    def near(self) -> float:
        self.strategy.storage.incr(_NEAR, NEAR_SECONDS)
        return 0.0


@dataclass(slots=True)
class SharedBudget:
    """Implements the port's ``Budget``. ``share`` is this process's part while Redis is away."""

    windows: tuple[RateLimitItem, ...]
    shared: MovingWindowRateLimiter = field(kw_only=True)
    share: float = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    sleep: Callable[[float], None] = field(kw_only=True, default=time.sleep)
    _local: _Limiter | None = None
    _redis_at: float = 0.0

    def acquire(self, cost: int = 1, *, deadline: float) -> None:
        """Wait until ``cost`` calls are allowed, 15 s and not past ``deadline`` at the most.

        ``deadline`` is in seconds of ``clock.monotonic()``. Raises BudgetExhausted.
        """
        latest = min(deadline, self.clock.monotonic() + LONGEST_BLOCK)
        while wait := self._take(cost):
            if self.clock.monotonic() + wait > latest:
                raise BudgetExhausted(
                    "our own budget of calls to Jira (JIRA_REQUESTS_PER_MINUTE) is used up",
                    retry_after=wait,
                )
            self.sleep(wait)

    def slow_down(self) -> None:
        """Jira says that its limit is near: spend our budget faster for ten seconds."""
        self._count(_Limiter.near)

    def _take(self, cost: int) -> float:
        now = self.clock.now().timestamp()
        return self._count(lambda limiter: limiter.take(cost, now=now))

    def _count(self, work: Callable[[_Limiter], float]) -> float:
        """In Redis; for some seconds after that failed, in this process alone."""
        if self.clock.monotonic() >= self._redis_at:
            try:
                return work(_Limiter(strategy=self.shared, windows=self.windows))
            except StorageError as error:
                self._redis_at = self.clock.monotonic() + _REDIS_AGAIN
                log.warning("budget_unshared", error=type(error.storage_error).__name__)
        return work(self._own())

    def _own(self) -> _Limiter:
        if self._local is None:
            self._local = _Limiter(
                strategy=MovingWindowRateLimiter(MemoryStorage()),
                windows=tuple(_part_of(window, self.share) for window in self.windows),
            )
        return self._local


def _part_of(window: RateLimitItem, share: float) -> RateLimitItem:
    amount = max(1, int(window.amount * share))
    return RateLimitItemPerSecond(amount, window.get_expiry(), namespace="routecard")
