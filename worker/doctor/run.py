"""One examination: all sections of checks, in parallel."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from sqlalchemy import Engine

from shared.clock import Clock, SystemClock
from shared.database import engine as db
from shared.errors import AppError
from shared.settings import Settings
from shared.states import WaitCode
from shared.sync import pauses
from shared.sync.pauses import Pause, in_words
from worker.doctor import jira, mapping, servers, site, sync, webhooks
from worker.doctor.findings import Finding, Section, Status, run_all, warn
from worker.jira.client import Jira, make_jira
from worker.jira.port import ServerInfo
from worker.jira.rate_limit import SharedBudget

_CALL_SECONDS = 4.0
_SERVER_SECONDS = 8.0
_JIRA_SECONDS = 30.0


def examine(settings: Settings, *, ticket: str | None = None) -> list[Finding]:
    """Run all checks within half a minute, whatever is down; calls Jira about a dozen times."""
    clock = SystemClock()
    jira_section = _of_jira(settings, clock, ticket=ticket, budget=None)
    return run_all([*_own(settings, clock, with_api=True), jira_section])


def examine_from_worker(
    settings: Settings,
    *,
    clock: Clock,
    budget: SharedBudget,
    pause: Pause | None,
    ticket: str | None,
) -> list[Finding]:
    """The same in a worker, except for the API, whose address it does not know.

    Calls to Jira count against the ``budget`` of all workers; during a ``pause`` there are none.
    """
    sections = _own(settings, clock, with_api=False)
    if pause is None:
        sections.append(_of_jira(settings, clock, ticket=ticket, budget=budget))
        return run_all(sections)
    message = f"Not checked, because a pause is active: {in_words(pause, now=clock.now())}."
    return [*run_all(sections), warn("jira", message, "See the finding pause.")]


def _own(settings: Settings, clock: Clock, *, with_api: bool) -> list[Section]:
    """The sections about our own processes and settings."""
    section = partial(Section, seconds=_SERVER_SECONDS)
    synced = (
        "worker",
        "beat",
        "tokens",
        "pause",
        "poll",
        "unusable_tickets",
        "values",
        "quantities",
        "webhook_secret",
        "webhooks",
    )
    api = section(("api", "access", "webhook_intake"), partial(servers.api, settings))
    return [
        section(("database", "migrations"), partial(_database, settings)),
        section(("broker",), partial(servers.broker, settings)),
        *([api] if with_api else []),
        section(synced, partial(_sync_checks, settings, clock)),
        section(("times",), lambda: iter([sync.times(settings)])),
    ]


def _of_jira(
    settings: Settings, clock: Clock, *, ticket: str | None, budget: SharedBudget | None
) -> Section:
    return Section(
        ("jira", "deployment", "site", "credentials", "mapping"),
        partial(_jira, settings, clock, ticket, budget),
        _JIRA_SECONDS,
    )


def worst(findings: list[Finding]) -> Status:
    """The most serious status among them."""
    found = {one.status for one in findings}
    return next(s for s in (Status.FAIL, Status.WARN, Status.OK) if s in found or s is Status.OK)


def _database(settings: Settings) -> Iterator[Finding]:
    with _engine(settings) as engine:
        yield from servers.database(engine)


def _sync_checks(settings: Settings, clock: Clock) -> Iterator[Finding]:
    with _engine(settings) as engine:
        yield from servers.parts(engine)
        yield from servers.tokens(engine)
        yield sync.pause(engine, settings, clock)
        yield sync.poll(engine, settings, clock)
        yield sync.unusable_tickets(engine, settings)
        yield from mapping.jobs(engine)
        yield from webhooks.webhooks(engine, settings)


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = db.make_engine(settings.database_dsn(), pool_size=1, statement_seconds=3)
    try:
        yield engine
    finally:
        engine.dispose()


def _jira(
    settings: Settings, clock: Clock, ticket: str | None, budget: SharedBudget | None
) -> Iterator[Finding]:
    """All checks of Jira; without a budget for the command, which runs rarely."""
    seconds = min(_CALL_SECONDS, settings.jira_timeout_seconds)
    limited = settings.model_copy(update={"jira_timeout_seconds": seconds})
    with closing(make_jira(limited, clock=clock, budget=budget)) as client:
        finding, info = jira.connection(client, settings)
        yield finding
        if settings.plain_jira:
            yield jira.plain_http(settings)
        if finding.status is Status.OK:
            yield jira.deployment(client, info, settings)
            with _engine(settings) as engine:
                yield site.site(engine, settings, info)
            yield from _signed_in(client, settings, clock, info=info, ticket=ticket)


def _signed_in(
    client: Jira, settings: Settings, clock: Clock, *, info: ServerInfo | None, ticket: str | None
) -> Iterator[Finding]:
    """The checks that need credentials; a locked account is not used."""
    if _locked(settings):
        yield warn(
            "credentials",
            "Not checked, because the account is locked behind a CAPTCHA.",
            "Log in once with a browser, then run `routecard resume`.",
        )
        return
    login = jira.credentials(client, settings, clock)
    yield login
    if login.status is not Status.FAIL:
        shown = list(jira.projects(client, settings))
        yield from shown
        usable = jira.usable_projects(shown, settings)
        kind = info.deployment if info else client.deployment()
        yield from mapping.fields(
            client, settings, clock, kind=kind, ticket=ticket, projects=usable
        )


def _locked(settings: Settings) -> bool:
    """Whether the account is locked; False if the database is away."""
    try:
        with _engine(settings) as engine, db.begin(engine) as session:
            pause = pauses.in_force(session, credentials=pauses.credentials_hash(settings))
    except AppError:
        return False
    return pause is not None and pause.code is WaitCode.CAPTCHA_LOCK
