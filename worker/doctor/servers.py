"""Checks of our own servers: database, migrations, broker, API, access, worker and beat."""

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import requests
from sqlalchemy import Engine

from shared import heartbeats
from shared.accounts import tokens as access_tokens
from shared.accounts.exposure import MAKE_ONE, credential_exists
from shared.broker.redis_client import RedisError, ping
from shared.database import engine as db
from shared.errors import AppError
from shared.migrations.runner import is_current
from shared.settings import Settings
from worker.doctor.findings import Finding, fail, ok, warn

_SECONDS = 3.0
_SOON_DAYS = 30
_CONSEQUENCE = {
    "worker": "no job is filled and no webhook applied",
    "beat": "Jira is not polled, and retries are not started",
}


def database(engine: Engine) -> Iterator[Finding]:
    """Whether PostgreSQL answers and all migrations are applied."""
    try:
        with db.begin(engine) as session:
            version = db.server_version(session)
            current = is_current(session)
    except AppError:
        yield fail(
            "database",
            "PostgreSQL cannot be reached, or refuses the connection.",
            "Start it, and check DATABASE_URL. Until then no job can be created.",
        )
        return
    yield ok("database", f"PostgreSQL {version} answers.")
    if current:
        yield ok("migrations", "All migrations are applied.")
    else:
        yield fail("migrations", "Some migrations are missing.", "Run `routecard migrate`.")


def parts(engine: Engine) -> Iterator[Finding]:
    """Whether worker and beat have sent a heartbeat recently."""
    with db.begin(engine) as session:
        now, found = db.database_time(session), heartbeats.parts(session)
    for part in found:
        if part.alive:
            yield ok(part.name, f"The {part.name} is alive.")
            continue
        last = f"was last seen {_ago(now - part.seen_at)} ago" if part.seen_at else "has never run"
        yield fail(
            part.name,
            f"The {part.name} {last}: {_CONSEQUENCE[part.name]}.",
            f"Start it: `routecard {part.name}`.",
        )


def tokens(engine: Engine) -> Iterator[Finding]:
    """Whether a token that is in use will soon be refused."""
    with db.begin(engine) as session:
        now, found = db.database_time(session), access_tokens.expiring(session, days=_SOON_DAYS)
    if not found:
        yield ok("tokens", f"No token in use expires within {_SOON_DAYS} days.")
        return
    ends = ", ".join(
        f"{name} {'expired' if end <= now else 'expires'} on {end:%Y-%m-%d}" for name, end in found
    )
    yield warn(
        "tokens",
        f"Tokens in use end: {ends}. Their clients are answered 401 then.",
        f"`routecard token rotate {found[0][0]}` makes a new one; the old one works a day more.",
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
            "Start it, and check REDIS_URL. Nothing is lost; sync tasks wait until it is back.",
        )
    else:
        yield ok("broker", "The broker answers.")


def api(settings: Settings) -> Iterator[Finding]:
    """Whether the API answers, asks for credentials and receives webhooks.

    The webhook route is called with OPTIONS: a POST without a signature would count as rejected.
    """
    base = f"http://{_reachable(settings.host)}:{settings.port}"
    with requests.Session() as session:
        session.trust_env = False
        try:
            alive = session.get(f"{base}/healthz", timeout=_SECONDS).ok
            options = session.options(f"{base}/api/webhooks/jira", timeout=_SECONDS)
            anonymous = session.get(f"{base}/api/jobs?limit=1", timeout=_SECONDS)
        except requests.RequestException:
            yield fail("api", f"Nothing answers at {base}.", "Start it: `routecard api`.")
            return
    if not alive:
        yield fail("api", f"What answers at {base} is not Routecard.", "Check ROUTECARD_PORT.")
        return
    yield ok("api", f"The API answers at {base}.")
    yield _access(settings, anonymous.status_code)
    if "POST" in options.headers.get("Allow", ""):
        yield ok(
            "webhook_intake",
            "Webhooks are received there. The next one shows whether Jira can reach the address.",
        )
    else:
        yield warn(
            "webhook_intake",
            f"/api/webhooks/jira accepts no POST (OPTIONS was answered {options.status_code}).",
            "Check the proxy before the API: it must forward /api/webhooks/jira unchanged.",
        )


def _access(settings: Settings, anonymous: int) -> Finding:
    """Which mode is on, by the status of a request without a credential."""
    if anonymous == HTTPStatus.OK:
        return ok(
            "access",
            "Open mode: everybody on this machine may do everything, until the first token or "
            "operator is made.",
        )
    if anonymous != HTTPStatus.UNAUTHORIZED:
        return warn(
            "access",
            f"Unknown: a request without a credential was answered {anonymous}.",
            "See the findings above.",
        )
    if credential_exists(settings) is False:
        return warn(
            "access",
            "Credentials are required, and none exists: nobody can use the API or the dashboard.",
            f"Make one: {MAKE_ONE}.",
        )
    return ok("access", "Credentials are required.")


def _reachable(host: str) -> str:
    """The address on this machine of a server that listens on this host."""
    if host in ("0.0.0.0", "::", "localhost"):  # noqa: S104  compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
