"""Checks of our own servers: database, migrations, broker, API, worker and beat."""

from collections.abc import Iterator
from datetime import timedelta

import requests
from sqlalchemy import Engine

from shared import heartbeats
from shared.broker.redis_client import RedisError, ping
from shared.database import engine as db
from shared.errors import AppError
from shared.migrations.runner import is_current
from shared.settings import Settings
from worker.doctor.checks import Finding, fail, ok, warn

_SECONDS = 3.0
_LOSS = {
    "worker": "no job is filled and no webhook applied",
    "beat": "Jira is not polled, and what was missed or has to be tried again waits",
}


def database(engine: Engine) -> Iterator[Finding]:
    """Whether PostgreSQL answers and our tables are those this version wants."""
    try:
        with db.begin(engine) as session:
            version = db.server_version(session)
            current = is_current(session)
    except AppError:
        yield fail(
            "database",
            "PostgreSQL cannot be reached, or refuses us.",
            "Start it, and check DATABASE_URL. Jobs cannot be created meanwhile.",
        )
        return
    yield ok("database", f"PostgreSQL {version} answers.")
    if current:
        yield ok("migrations", "All migrations are in place.")
    else:
        yield fail("migrations", "Some migrations are missing.", "Run `routecard migrate`.")


def parts(engine: Engine) -> Iterator[Finding]:
    """Whether worker and beat have shown a sign of life just now."""
    with db.begin(engine) as session:
        now, found = db.database_time(session), heartbeats.parts(session)
    for part in found:
        if part.alive:
            yield ok(part.name, f"The {part.name} is alive.")
            continue
        last = f"was last seen {_ago(now - part.seen_at)} ago" if part.seen_at else "has never run"
        yield fail(
            part.name,
            f"The {part.name} {last}: {_LOSS[part.name]}.",
            f"Start it: `routecard {part.name}`.",
        )


def _ago(silent: timedelta) -> str:
    return str(timedelta(seconds=round(silent.total_seconds())))


def broker(settings: Settings) -> Iterator[Finding]:
    """Whether the Redis-protocol server answers."""
    try:
        ping(settings, timeout=_SECONDS)
    except RedisError as error:
        yield fail(
            "broker",
            f"The broker does not answer ({type(error).__name__}).",
            "Start it, and check REDIS_URL. Nothing is lost; jobs wait until it is back.",
        )
    else:
        yield ok("broker", "The broker answers.")


def api(settings: Settings) -> Iterator[Finding]:
    """Whether the API answers here and has a door for webhooks.

    The door is only asked what it takes: a webhook without proof would be counted as turned away.
    """
    base = f"http://{_reachable(settings.host)}:{settings.port}"
    with requests.Session() as session:
        session.trust_env = False
        try:
            alive = session.get(f"{base}/healthz", timeout=_SECONDS).ok
            door = session.options(f"{base}/api/webhooks/jira", timeout=_SECONDS)
        except requests.RequestException:
            yield fail("api", f"Nothing answers at {base}.", "Start it: `routecard api`.")
            return
    if not alive:
        yield fail("api", f"What answers at {base} is not Routecard.", "Check ROUTECARD_PORT.")
        return
    yield ok("api", f"The API answers at {base}.")
    if "POST" in door.headers.get("Allow", ""):
        yield ok(
            "webhook_intake",
            "Webhooks are received there. Whether Jira reaches this address from where it is, "
            "its next webhook shows.",
        )
    else:
        yield warn(
            "webhook_intake",
            f"/api/webhooks/jira takes no POST (OPTIONS was answered {door.status_code}).",
            "Check what stands between: it must pass /api/webhooks/jira on unchanged.",
        )


def _reachable(host: str) -> str:
    """Where a server that listens on every address is asked on this machine."""
    if host in ("0.0.0.0", "::", "localhost"):  # noqa: S104  compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
