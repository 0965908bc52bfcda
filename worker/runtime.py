"""The runtime of a worker process: its connections, made from the settings after the fork."""

import os
import socket
from dataclasses import dataclass
from typing import Any

from celery import Celery
from sqlalchemy import Engine

from shared.broker.celery_app import make_celery
from shared.broker.redis_client import make_redis
from shared.clock import Clock, SystemClock
from shared.database.engine import make_engine
from shared.settings import Settings
from shared.sync.pauses import credentials_hash
from worker.jira.client import Jira, make_jira
from worker.jira.rate_limit import make_budget
from worker.jira.site import SiteWatch
from worker.process.messages import Messages


@dataclass(frozen=True, slots=True)
class Runtime:
    """One process's connections. ``worker`` is its name in attempts."""

    settings: Settings
    engine: Engine
    jira: Jira
    site: SiteWatch
    redis: Any
    messages: Messages
    clock: Clock
    credentials: str
    worker: str

    def close(self) -> None:
        """Close all connections."""
        self.jira.close()
        self.redis.close()
        self.engine.dispose()


def make_runtime(settings: Settings, *, celery: Celery | None = None) -> Runtime:
    """Create the runtime; opens no connection yet."""
    clock = SystemClock()
    client = make_redis(settings)
    budget = make_budget(settings, client=client, clock=clock)
    engine = make_engine(settings.database_dsn(), pool_size=2)
    jira = make_jira(settings, clock=clock, budget=budget)
    return Runtime(
        settings=settings,
        engine=engine,
        jira=jira,
        site=SiteWatch(settings, engine=engine, jira=jira, clock=clock),
        redis=client,
        messages=Messages(celery or make_celery(settings), client),
        clock=clock,
        credentials=credentials_hash(settings),
        worker=f"{socket.gethostname()}:{os.getpid()}",
    )
