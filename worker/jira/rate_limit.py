"""One budget of calls to Jira for all workers, kept in Redis.

Jira counts the calls of the site, not of a process. So all workers share moving windows, which
keep us below Jira's limit; after a refusal by Jira, the shared pause in PostgreSQL stops all
calls. While Redis is not available, each process uses its own share of the budget.
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
"""Most seconds that ``acquire`` waits; a longer wait becomes a pause of all workers."""

BURST = 50
"""Most calls in one second: half of what Jira Cloud allows all clients of a site together."""

NEAR_SECONDS = 10
NEAR_FACTOR = 4
"""While Jira reports that its limit is near, each call costs this many."""

_WINDOW = 10
_MINUTE = 60
_REDIS_AGAIN = 5.0
_SHORTEST_SLEEP = 0.02
_NAME = "jira"
_NEAR = "jira/near"


class BudgetExhausted(JiraLimited):
    """Our budget does not allow the call before the deadline; ``retry_after`` says when it does."""


def make_budget(settings: Settings, *, client: Redis, clock: Clock) -> "SharedBudget":
    """The budget of ``JIRA_REQUESTS_PER_MINUTE``; this makes no request."""
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

    If the budget is large enough, the window is ten seconds instead of sixty, so that one burst
    does not use up the budget of a whole minute.
    """
    if per_minute < _MINUTE:
        return (RateLimitItemPerSecond(per_minute, _MINUTE, namespace="routecard"),)
    sustained = per_minute * _WINDOW // _MINUTE
    burst = RateLimitItemPerSecond(min(BURST, sustained), 1, namespace="routecard")
    return (burst, RateLimitItemPerSecond(sustained, _WINDOW, namespace="routecard"))


@dataclass(slots=True, kw_only=True)
class _Limiter:
    """A storage in which calls are counted, with its windows."""

    strategy: MovingWindowRateLimiter
    windows: tuple[RateLimitItem, ...]

    def take(self, cost: int, *, now: float) -> float:
        """Count the calls and return 0 if they are allowed, else the seconds until the next try."""
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
    """The budget of all workers. ``share`` is the part of this process while Redis is away."""

    windows: tuple[RateLimitItem, ...]
    shared: MovingWindowRateLimiter = field(kw_only=True)
    share: float = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    sleep: Callable[[float], None] = field(kw_only=True, default=time.sleep)
    _local: _Limiter | None = None
    _redis_at: float = 0.0

    def acquire(self, cost: int = 1, *, deadline: float) -> None:
        """Wait until ``cost`` calls are allowed, at most 15 s and not past ``deadline``.

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
        """Jira's limit is near: spend our budget faster for ten seconds."""
        self._count(_Limiter.near)

    def _take(self, cost: int) -> float:
        now = self.clock.now().timestamp()
        return self._count(lambda limiter: limiter.take(cost, now=now))

    def _count(self, work: Callable[[_Limiter], float]) -> float:
        """Count in Redis; for some seconds after a failure, in this process only."""
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
