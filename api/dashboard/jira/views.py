"""Jira as operators look at it: connection, mapping on a ticket, limits, poll, webhooks, doctor."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.deliveries import words as delivery_words
from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime
from shared.health import examinations
from shared.models import Examination
from shared.settings import Deployment, Settings
from shared.sync import summary as sync_summary
from shared.tickets import field_mappings, watermarks
from shared.tickets import queries as ticket_queries
from shared.tickets.field_mappings import Resolved
from shared.tickets.ticket import TicketRow
from shared.webhooks import health as webhook_health

DEPLOYMENTS: dict[str, str] = {
    Deployment.AUTO: "Found out by asking",
    Deployment.CLOUD: "Jira Cloud",
    Deployment.DATACENTER: "Jira Data Center",
}
CHECKS: dict[str, str] = {
    "database": "Database",
    "migrations": "Migrations",
    "broker": "Broker",
    "worker": "Worker",
    "beat": "Beat",
    "pause": "Pause",
    "poll": "Poll",
    "webhook_secret": "Webhook secret",
    "webhooks": "Webhooks",
    "times": "Time limits",
    "jira": "Jira",
    "deployment": "Deployment",
    "credentials": "Credentials",
    "mapping": "Field mapping",
    "fill": "A fill",
    "field_part_number": "Part number",
    "field_quantity": "Quantity",
    "field_epic_link": "Epic",
}
_WORST = {"fail": 0, "warn": 1, "ok": 2}

pages = Pages("jira_pages", __name__)


class Mapped(NamedTuple):
    """One field: what the settings say, the field's id, what Jira and what our copy gives of it."""

    title: str
    setting: str
    field: str | None
    value: Any
    copy: Any


@pages.page("/jira")
def jira() -> Response:
    """How things stand between Jira and us."""
    return show_live("jira", _read)


def _read(session: Session) -> dict[str, Any]:
    settings = current_runtime().settings
    look = examinations.latest(session)
    copy = ticket_queries.one(session, look.ticket_key) if look and look.ticket_key else None
    scope = watermarks.scope_of(settings)
    polls = watermarks.progress(session)
    return {
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
        "connection": _connection(settings),
        "settings": settings,
        "look": look,
        "under_way": examinations.open_one(session),
        "findings": _findings(look),
        "said": {one["name"]: one["message"] for one in _findings(look)},
        "checks": CHECKS,
        "preview": look.preview if look else None,
        "mapped": _mapped(settings, look, field_mappings.find(session, settings), copy),
        "copy": copy,
        "poll": next((one for one in polls if one.scope == scope), None),
        "hearing": webhook_health.hearing(session),
        "expected": webhook_health.expected(settings),
        "tell": delivery_words,
    }


def _connection(settings: Settings) -> dict[str, str]:
    return {
        "api": _bare(settings.jira_base_url) or "JIRA_BASE_URL is not set",
        "browse": _bare(settings.browse_url),
        "deployment": DEPLOYMENTS[settings.jira_deployment],
        "credentials": _credentials(settings),
    }


def _bare(address: str) -> str:
    """An address without a user or password that somebody may have put into it."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _credentials(settings: Settings) -> str:
    """Which kind is set, never what it is."""
    if settings.jira_pat is not None:
        return "Personal access token"
    if settings.jira_email and settings.jira_api_token is not None:
        return f"API token of {settings.jira_email}"
    return "None set here"


def _findings(look: Examination | None) -> list[dict[str, Any]]:
    """What is wrong first."""
    found = look.findings or [] if look else []
    return sorted(found, key=lambda one: _WORST.get(one["status"], 0))


def _mapped(
    settings: Settings, look: Examination | None, known: Resolved | None, copy: TicketRow | None
) -> list[Mapped]:
    preview = (look.preview or {}) if look else {}
    sources, values = preview.get("sources", {}), preview.get("values", {})
    resolved = {
        name: getattr(known, name, None) for name in ("part_number", "quantity", "epic_link")
    }

    def row(title: str, name: str, setting: str) -> Mapped:
        field = sources.get(name) or resolved.get(name)
        return Mapped(title, setting, field, values.get(name), getattr(copy, name, None))

    pattern = settings.jira_part_number_pattern
    part_number = settings.jira_field_part_number or (f"Pattern {pattern}" if pattern else "")
    return [
        row("Summary", "summary", "Always"),
        row("Part number", "part_number", part_number),
        row("Priority", "priority", "Always"),
        row("Epic", "epic_link", settings.jira_field_epic_link or "The parent"),
        row("Labels", "labels", "Always"),
        row("Quantity", "quantity", settings.jira_field_quantity),
    ]
