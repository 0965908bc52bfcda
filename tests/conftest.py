"""Fixtures: a PostgreSQL and a Valkey for the run, a database of its own for each test."""

from collections.abc import Iterator

import pytest
import redis as redis_client
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.database.engine import begin, make_engine
from shared.settings import Settings
from tests.support import postgres, redis


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
        ROUTECARD_SECRET_KEY="a key for tests",
        JIRA_BASE_URL="http://127.0.0.1:9",
        JIRA_EMAIL="dev@routecard.example",
        JIRA_API_TOKEN="simulator-token",
        JIRA_DEPLOYMENT="cloud",
        JIRA_FIELD_PART_NUMBER="customfield_10908",
        JIRA_FIELD_QUANTITY="customfield_10909",
        JIRA_FIELD_EPIC_LINK="customfield_10014",
    )
