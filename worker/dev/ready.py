"""When a part of the stack counts as ready, asked the way its users would ask."""

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psycopg
import redis

from worker.dev.programs import Plan

_SECONDS = 2.0


def database_is_ready(plan: Plan) -> str | None:
    """None if our database can be used; else what is in the way. Makes it where it is missing."""
    if plan.postgres is None:
        return None
    try:
        plan.postgres.make_database()
    except psycopg.OperationalError as error:
        return str(error).strip()
    return None


def broker_is_ready(plan: Plan) -> str | None:
    """None if the embedded broker answers; else what is in the way."""
    if plan.valkey is None:
        return None
    try:
        with redis.Redis.from_url(plan.valkey.url(), socket_timeout=_SECONDS) as client:
            client.ping()
    except redis.RedisError as error:
        return str(error)
    return None


def simulator_is_ready(plan: Plan) -> str | None:
    """None if the simulated Jira answers; else what is in the way."""
    status, _ = _get(f"{plan.jira_url}/rest/api/2/serverInfo")
    return None if status == 200 else f"answered {status}"  # noqa: PLR2004  HTTP's OK


def api_is_ready(plan: Plan) -> str | None:
    """None if the API serves and misses neither broker nor worker nor beat."""
    status, body = _get(f"{plan.loopback_url}/readyz")
    if status == 200 and not body.get("degraded"):  # noqa: PLR2004  HTTP's OK
        return None
    return f"/readyz answered {status} {json.dumps(body)}"


def _get(url: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON body; 0 where nobody answers."""
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310  our own address
    try:
        with urlopen(request, timeout=_SECONDS) as response:  # noqa: S310  our own address
            return response.status, _json(response.read())
    except HTTPError as error:
        return error.code, _json(error.read())
    except (URLError, OSError):
        return 0, {}


def _json(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
