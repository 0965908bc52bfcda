"""Ready checks: each asks a program as its users do; None means ready, a text says why not."""

import psycopg
import redis
import requests

from worker.dev.postgres import Postgres
from worker.dev.valkey import Valkey

_SECONDS = 2.0


def check_postgres(server: Postgres) -> str | None:
    """Whether our database can be used; creates it if it is missing."""
    try:
        server.make_database()
    except psycopg.OperationalError as error:
        return str(error).strip()
    return None


def check_valkey(server: Valkey) -> str | None:
    """Whether the broker answers."""
    try:
        with redis.Redis.from_url(server.url(), socket_timeout=_SECONDS) as client:
            client.ping()
    except redis.RedisError as error:
        return str(error)
    return None


def check_http(url: str) -> str | None:
    """Whether a GET is answered with 200, by JSON without a member ``degraded`` that is set.

    The API's ``/readyz`` names there what it misses: broker, worker or beat.
    """
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment does not serve local addresses
        try:
            answer = session.get(url, timeout=_SECONDS)
            ready = answer.ok and not answer.json().get("degraded")
        except requests.RequestException as error:
            return f"GET {url}: {type(error).__name__}"
    if ready:
        return None
    return f"GET {url} answered {answer.status_code} {answer.text[:500]}"
