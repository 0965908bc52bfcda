"""Fixtures: a PostgreSQL and a Valkey for the run, a database of its own for each test.

All fixtures use the ``settings`` of the test's module: a module that needs other settings overrides
that fixture.

Every test must end the threads and processes that it starts. ``--shuffle=SEED`` runs modules, and
the tests of each, in random order.
"""

import random
from collections.abc import Iterator

import pytest
import redis as redis_client
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.database.engine import begin, make_engine
from shared.settings import Settings
from shared.tickets import sites
from tests.dsl import NO_JIRA, SESSION_KEY, ApiClient, application
from tests.support import leftovers
from tests.support.servers import postgres, redis


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare ``--shuffle``."""
    what = "run modules, and the tests of each, in the random order that this number stands for"
    parser.addoption("--shuffle", type=int, metavar="SEED", help=what)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle modules and the tests of each, so that a module's own fixtures are made once."""
    seed = config.getoption("--shuffle")
    if seed is None:
        return
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(str(item.path), []).append(item)
    chance = random.Random(seed)
    shuffled = list(modules.values())
    chance.shuffle(shuffled)
    for tests in shuffled:
        chance.shuffle(tests)
    items[:] = [item for tests in shuffled for item in tests]


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves a thread or a process running: it would disturb the next ones."""
    with leftovers.none_left():
        yield


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """A PostgreSQL server with a migrated template."""
    with postgres.server() as uri:
        yield uri


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A Valkey server."""
    with redis.server() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Valkey."""
    redis_client.Redis.from_url(redis_server).flushall()
    return redis_server


@pytest.fixture
def dsn(postgres_uri: str) -> Iterator[str]:
    """A fresh migrated database."""
    with postgres.database(postgres_uri) as address:
        yield address


@pytest.fixture
def engine(dsn: str) -> Iterator[Engine]:
    """An engine on the test's database."""
    engine = make_engine(dsn, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """One transaction, committed at the end of the test."""
    with begin(engine) as session:
        yield session


@pytest.fixture
def settings(dsn: str, redis_url: str) -> Settings:
    """Settings of a system on the test's database and broker."""
    return Settings(
        DATABASE_URL=dsn.replace("+psycopg", ""),
        REDIS_URL=redis_url,
        ROUTECARD_PORT=80,  # the one that Flask's test client asks for
        ROUTECARD_SECRET_KEY=SESSION_KEY,
        JIRA_BASE_URL=NO_JIRA,
        JIRA_EMAIL="dev@routecard.example",
        JIRA_API_TOKEN="simulator-token",
        JIRA_DEPLOYMENT="cloud",
        JIRA_FIELD_PART_NUMBER="customfield_10908",
        JIRA_FIELD_QUANTITY="customfield_10909",
        JIRA_FIELD_EPIC_LINK="customfield_10014",
    )


@pytest.fixture
def app(settings: Settings, engine: Engine) -> Iterator[Flask]:
    """The application, on the test's database and broker; a worker has used its Jira's address."""
    with begin(engine) as session:
        sites.ensure(session, settings)
    with application(settings, engine) as app:
        yield app


@pytest.fixture
def api(app: Flask) -> ApiClient:
    """A client of its REST API."""
    return ApiClient(app)
