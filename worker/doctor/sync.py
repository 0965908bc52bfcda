"""Checks of the sync with Jira: the shared pause, the poll, and the order of time limits."""

from datetime import datetime

from sqlalchemy import Engine

from shared.clock import Clock, iso_millis
from shared.database import engine as db
from shared.models import JiraPoll
from shared.settings import Settings
from shared.states import WaitCode
from shared.sync import pauses
from shared.sync.pauses import in_words
from shared.tickets import sites, watermarks
from shared.tickets.poll_health import poll_health
from shared.tickets.watermarks import scope_of
from worker.doctor.findings import Finding, fail, ok, warn

_LATE_ROUNDS = 5
_LATE_SECONDS = 300.0


def pause(engine: Engine, settings: Settings, clock: Clock) -> Finding:
    """Whether a pause stops all calls to Jira."""
    with db.begin(engine) as session:
        active = pauses.in_force(session, credentials=pauses.credentials_hash(settings))
    if active is None:
        return ok("pause", "No pause is active.")
    message = f"Jira: {in_words(active, now=clock.now())}. {active.message}"
    if active.code is WaitCode.CAPTCHA_LOCK:
        return fail("pause", message, "Log in once with a browser, then run `routecard resume`.")
    return warn("pause", message, "Wait until it ends, or run `routecard resume` to end it now.")


def poll(engine: Engine, settings: Settings, clock: Clock) -> Finding:
    """Whether the poll finds lost webhooks, and how far the first import has come."""
    if not settings.jira_project:
        return _no_poll(
            "JIRA_PROJECT is empty: any ticket that our account may see can fill a job, and",
            "Set JIRA_PROJECT to the keys of your projects, or to * if all are meant.",
        )
    if not settings.jira_poll_seconds:
        return _no_poll("JIRA_POLL_SECONDS is 0:", "Set JIRA_POLL_SECONDS, for example to 60.")
    with db.begin(engine) as session:
        site_id = sites.current_id(session, settings)
        polls = {one.scope: one for one in watermarks.progress(session, site_id=site_id)}
        lost = poll_health(session, settings).lost_projects
    mine = polls.get(scope_of(settings, site_id))
    if mine is None:
        return warn("poll", "No poll has started yet.", "Start the worker and beat.")
    return _poll(mine, [one.project for one in lost], settings, clock.now())


def unusable_tickets(engine: Engine, settings: Settings) -> Finding:
    """Whether the poll was given tickets that it could not use."""
    with db.begin(engine) as session:
        health = poll_health(session, settings)
    if not health.unusable_count:
        return ok("unusable_tickets", "Every ticket that was polled could be used.")
    named = "; ".join(f"{one.name}: {one.reason}" for one in health.unusable)
    more = "; …" if health.unusable_count > len(health.unusable) else ""
    return warn(
        "unusable_tickets",
        f"Tickets that the poll could not use: {health.unusable_count}. {named}{more}",
        "Open them in Jira and correct what is named; they are read again every ten minutes.",
    )


def _no_poll(why: str, remedy: str) -> Finding:
    return warn(
        "poll",
        f"{why} changes of lost webhooks are not found, and there is no copy of the tickets.",
        remedy,
    )


def _poll(mine: JiraPoll, lost: list[str], settings: Settings, now: datetime) -> Finding:
    names = ", ".join(project for project in mine.projects if project not in lost)
    if lost and not names:
        message = f"No project can be polled: {', '.join(lost)}."
        return warn("poll", message, "See the findings of the projects.")
    if mine.refusal:
        remedy = "Check JIRA_PROJECT, unless the finding search names another cause."
        return fail("poll", f"Jira refuses the poll: {mine.refusal}", remedy)
    if mine.complete_as_of is None:
        message = f"The first import of {names} is running: {mine.imported} tickets so far."
        return ok("poll", message)
    behind = (now - mine.complete_as_of).total_seconds()
    message = f"{names} complete as of {iso_millis(mine.complete_as_of)}."
    message += f" Not polled: {', '.join(lost)}." if lost else ""
    if behind > max(_LATE_SECONDS, settings.jira_poll_seconds * _LATE_ROUNDS):
        return fail(
            "poll", f"{message} That is too long ago.", "See the findings pause, worker and beat."
        )
    return ok("poll", message)


def times(settings: Settings) -> Finding:
    """Whether a call to Jira fits into a lease (docs/architecture.md: the order of time limits)."""
    longest = settings.lease_seconds * 0.3
    if settings.jira_timeout_seconds > longest:
        return warn(
            "times",
            f"One Jira call may take {settings.jira_timeout_seconds:g} s, too long for a lease "
            f"of {settings.lease_seconds:g} s: a slow answer may be cut off and asked for again.",
            f"Set JIRA_TIMEOUT_SECONDS to {longest:g} at most, or ROUTECARD_LEASE_SECONDS higher.",
        )
    return ok("times", "The time limits are in order.")
