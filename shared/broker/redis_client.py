"""Our client of the Redis-protocol server, and how we name keys in it."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.broker.task_names import Queue
from shared.settings import Settings

Redis = redis.Redis
RedisError = redis.RedisError
KEY_PREFIX = "routecard:"
"""Every key of ours begins with it, including those of Celery and of the rate limit."""


def make_redis(settings: Settings, *, timeout: float = 0.3) -> Redis:
    """A Redis client that gives up after ``timeout`` seconds and does not retry."""
    return Redis.from_url(
        settings.redis_dsn(),
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def ping(settings: Settings, *, timeout: float) -> None:
    """Ask the broker whether it answers. Raises RedisError if it does not."""
    client = make_redis(settings, timeout=timeout)
    try:
        client.ping()
    finally:
        client.close()


def queue_length(client: Redis, queue: Queue) -> int:
    """How many messages wait in the queue. Raises RedisError."""
    return int(client.llen(KEY_PREFIX + queue))
