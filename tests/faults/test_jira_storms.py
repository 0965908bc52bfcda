"""500 jobs while Jira limits, fails, lies and refuses the token: all are filled, none fails.

The same program runs over Cloud and Data Center, once short, where trouble strikes every
third call, and once at full length with two whole minutes of an expired token.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from tests.dsl import create_job, draft, task_counts
from tests.support.jira.clients import PRODUCTS
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from tests.support.servers.processes import Parts
from tests.support.waiting import eventually
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product

JOBS = 500
PER_MINUTE = 600
"""JIRA_REQUESTS_PER_MINUTE: at most 50 calls a second, 100 in ten (worker.jira.rate_limit)."""

KINDS: tuple[dict[str, Any], ...] = (
    {"fault": "expired"},
    {"fault": "429", "retryAfter": 1, "reason": "jira-burst-based"},
    {"fault": "503"},
    {"fault": "reset"},
    {"fault": "429"},
    {"fault": "html"},
    {"fault": "cut"},
    {"fault": "expired"},
    {"fault": "503", "retryAfter": 1},
)
"""What goes wrong, one kind after the other."""


@dataclass(frozen=True, slots=True)
class Storm:
    """Fault rules one after the other, and how many seconds they take together.

    ``kinds`` is how many of them meet a call for certain: a pause may outlast a short window.
    """

    rules: list[dict[str, Any]]
    seconds: float
    kinds: int


def storm(*, expired: float, other: float, kinds: int, **more: Any) -> Storm:
    """A storm with so many seconds for each kind of fault."""
    rules, start = [], 0.0
    for kind in KINDS:
        length = expired if kind["fault"] == "expired" else other
        rules.append({**kind, **more, "after": start, "seconds": length})
        start += length
    return Storm(rules, start, kinds)


SHORT = storm(expired=4.0, other=4.0, kinds=3, every=3)
FULL = storm(expired=60.0, other=20.0, kinds=len({kind["fault"] for kind in KINDS}))


@pytest.fixture(params=list(Product), ids=lambda product: product.name.lower())
def product(request: pytest.FixtureRequest) -> Product:
    """Cloud, then Data Center."""
    chosen: Product = request.param
    return chosen


@pytest.fixture
def jira(product: Product) -> Iterator[SimulatedJira]:
    """A simulator of that product with a thousand tickets."""
    with simulated_jira(deployment=product, tickets=1000) as jira:
        yield jira


@pytest.fixture
def environment(environment: dict[str, str], product: Product) -> dict[str, str]:
    """Credentials for that product, and a request budget."""
    login = {"JIRA_PAT": defaults.PAT} if product is Product.SERVER else {}
    return {
        **environment,
        **login,
        "JIRA_DEPLOYMENT": PRODUCTS[product].value,
        "JIRA_REQUESTS_PER_MINUTE": str(PER_MINUTE),
        "ROUTECARD_LEASE_SECONDS": "20",
    }


def fillable(jira: SimulatedJira) -> list[str]:
    """Keys of tickets that the account may see."""
    seen = [t.key for t in jira.simulator.store.current() if t.visible and t.project.key == "PI"]
    return seen[:JOBS]


def create_all_along(engine: Engine, keys: list[str], *, seconds: float) -> None:
    """Create jobs in 50 batches, spread over so many seconds."""
    pause = threading.Event()
    handfuls = [keys[n : n + 10] for n in range(0, len(keys), 10)]
    began = time.monotonic()
    for number, handful in enumerate(handfuls):
        pause.wait(max(0.0, began + seconds * number / len(handfuls) - time.monotonic()))
        with begin(engine) as session:
            for key in handful:
                create_job(session, draft(jira_ticket_key=key))


def outcomes(engine: Engine) -> dict[str, int]:
    """How many attempts had each outcome."""
    with begin(engine) as session:
        rows = session.execute(text("SELECT outcome, count(*) FROM sync_attempts GROUP BY outcome"))
        return {row.outcome: row.count for row in rows}


def busiest(jira: SimulatedJira, *, seconds: int) -> int:
    """The most calls within so many whole seconds."""
    arrived = {int(s): n for s, n in jira.control("GET", "counts")["perSecond"].items()}
    return max(sum(arrived.get(s + i, 0) for i in range(seconds)) for s in arrived)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("storm", [SHORT, FULL], ids=["short", "full"])
def test_500_jobs_in_a_storm_are_all_filled_none_failed_and_the_budget_is_kept(
    engine: Engine, routecard: Parts, jira: SimulatedJira, storm: Storm
) -> None:
    keys = fillable(jira)
    assert len(keys) == JOBS
    routecard.start("worker")
    routecard.start("beat")
    create_all_along(engine, keys[:10], seconds=0)
    eventually(lambda: task_counts(engine) == {"filled": 10}, within=60)
    jira.control("POST", "faults", storm.rules)
    create_all_along(engine, keys[10:], seconds=storm.seconds)
    eventually(lambda: task_counts(engine) == {"filled": JOBS}, within=90, every=0.5)
    ended = outcomes(engine)
    assert ended["filled"] == JOBS
    assert {"failed", "crashed"}.isdisjoint(ended)
    struck = jira.control("GET", "counts")["faults"]
    assert "expired" in struck
    assert len(struck) >= storm.kinds
    assert busiest(jira, seconds=1) <= 50
    assert busiest(jira, seconds=10) <= PER_MINUTE // 6
    assert sum(jira.counts().values()) < JOBS
