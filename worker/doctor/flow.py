"""Checks of what flows: the shared pause, the poll, webhooks, and the order of time limits."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine

from shared.clock import Clock, iso_millis
from shared.database import engine as db
from shared.models import JiraPoll
from shared.settings import Settings
from shared.states import WaitCode
from shared.sync import pauses
from shared.sync.pauses import in_words
from shared.tickets import watermarks
from shared.tickets.watermarks import scope_of
from shared.webhooks import health as webhook_health
from shared.webhooks.health import WebhookHealth
from worker.doctor.checks import Finding, fail, ok, warn

_LATE_ROUNDS = 5
_LATE_SECONDS = 300.0


def pause(engine: Engine, settings: Settings, clock: Clock) -> Finding:
    """Whether anything holds up all calls to Jira."""
    with db.begin(engine) as session:
        held = pauses.in_force(session, credentials=pauses.credentials_hash(settings))
    if held is None:
        return ok("pause", "No pause is in force.")
    words = f"Jira: {in_words(held, now=clock.now())}. {held.message}"
    if held.code is WaitCode.CAPTCHA_LOCK:
        return fail("pause", words, "Log in once with a browser, then run `routecard resume`.")
    return warn("pause", words, "It ends by itself; `routecard resume` ends it now.")


def poll(engine: Engine, settings: Settings, clock: Clock) -> Finding:
    """Whether what webhooks miss is caught, and how far the first import has got."""
    if not settings.jira_project:
        return _no_poll("JIRA_PROJECT is empty", "Set JIRA_PROJECT to the keys of your projects.")
    if not settings.jira_poll_seconds:
        return _no_poll("JIRA_POLL_SECONDS is 0", "Set JIRA_POLL_SECONDS, such as to 60.")
    with db.begin(engine) as session:
        polls = {one.scope: one for one in watermarks.progress(session)}
    mine = polls.get(scope_of(settings))
    if mine is None:
        return warn("poll", "No poll has begun yet.", "Start the worker and beat.")
    return _poll(mine, settings, clock.now())


def _no_poll(why: str, remedy: str) -> Finding:
    return warn("poll", f"{why}: lost webhooks are not caught, no copy is kept.", remedy)


def _poll(mine: JiraPoll, settings: Settings, now: datetime) -> Finding:
    names = ", ".join(mine.projects)
    if mine.refusal:
        return fail("poll", f"Jira refuses the poll: {mine.refusal}", "Check JIRA_PROJECT.")
    if mine.complete_as_of is None:
        said = f"The first import of {names} is under way: {mine.imported} tickets so far."
        return ok("poll", said)
    behind = (now - mine.complete_as_of).total_seconds()
    said = f"{names} complete as of {iso_millis(mine.complete_as_of)}."
    if behind > max(_LATE_SECONDS, settings.jira_poll_seconds * _LATE_ROUNDS):
        return fail("poll", f"{said} That is long ago.", "See pause, worker and beat.")
    return ok("poll", said)


def webhooks(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether webhooks can prove themselves, and whether they come."""
    if settings.jira_webhook_secret is None and not settings.jira_webhook_token_hash:
        yield warn(
            "webhook_secret",
            "No webhook secret is set: every webhook is answered 401.",
            _form(settings),
        )
    else:
        yield ok("webhook_secret", "A webhook secret is set.")
    with db.begin(engine) as session:
        hearing = webhook_health.webhook_health(session)
    yield _hearing(hearing, settings)


def _form(settings: Settings) -> str:
    """What to enter in Jira (docs/webhooks.md)."""
    projects = ", ".join(settings.jira_project)
    jql = f"project in ({projects})" if projects else "project in (your projects)"
    return (
        "In Jira, Settings > System > WebHooks: URL https://YOUR-HOST/api/webhooks/jira, the "
        f"secret of JIRA_WEBHOOK_SECRET, JQL {jql}, events issue created, updated and deleted, "
        "body not excluded (docs/webhooks.md)."
    )


def _hearing(hearing: WebhookHealth, settings: Settings) -> Finding:
    turned = sum(one.count for one in hearing.rejected)
    why = ", ".join(f"{one.reason} {one.count}" for one in hearing.rejected)
    rejected = f" {turned} were turned away since yesterday ({why})." if turned else ""
    last = hearing.last_received_at
    remedy = f"Compare: {_form(settings)}"
    if hearing.alarm:
        said = f"{hearing.unannounced} tickets changed in a day without a webhook.{rejected}"
        return fail("webhooks", said, remedy)
    if last is None:
        return warn("webhooks", f"No webhook has come yet.{rejected}", remedy)
    said = f"The last webhook came at {iso_millis(last)}.{rejected}"
    return warn("webhooks", said, remedy) if turned else ok("webhooks", said)


def times(settings: Settings) -> Finding:
    """HTTP timeout < Celery time limit < lease < visibility timeout (docs/architecture.md)."""
    longest = settings.lease_seconds * 0.3
    if settings.jira_timeout_seconds > longest:
        return warn(
            "times",
            f"One Jira call may take {settings.jira_timeout_seconds:g} s, too long for a lease "
            f"of {settings.lease_seconds:g} s: a slow answer may be cut off and asked for again.",
            f"Set JIRA_TIMEOUT_SECONDS to {longest:g} at most, or ROUTECARD_LEASE_SECONDS higher.",
        )
    return ok("times", "The time limits are in order.")
