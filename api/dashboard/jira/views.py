"""The page about Jira: connection, field mapping, limits, poll, webhooks, and the doctor."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.jira import labels as jira_labels
from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime
from shared.health import examinations
from shared.models import Examination
from shared.settings import Settings
from shared.sync import summary as sync_summary
from shared.tickets import field_mappings, sites, watermarks
from shared.tickets import queries as ticket_queries
from shared.tickets.field_mappings import Resolved
from shared.tickets.poll_health import poll_health
from shared.tickets.ticket import TicketRow
from shared.webhooks import health as webhook_health

_WORST = {"fail": 0, "warn": 1, "ok": 2}

pages = Pages("jira_pages", __name__)


class Mapped(NamedTuple):
    """A field of the mapping: its setting, its id, and its value in Jira and in our copy."""

    title: str
    setting: str
    field: str | None
    value: Any
    copy: Any


@pages.page("/jira")
def jira() -> Response:
    """The state of the connection to Jira."""
    return show_live("jira", _read)


def _read(session: Session) -> dict[str, Any]:
    settings = current_runtime().settings
    examination, site_id = examinations.latest(session), sites.current_id(session, settings)
    findings = _findings(examination)
    copy = (
        ticket_queries.one(
            session,
            examination.ticket_key,
            site_id=site_id,
            allowed=settings.allowed_projects,
        )
        if examination and examination.ticket_key
        else None
    )
    scope = watermarks.scope_of(settings, site_id)
    polls = watermarks.progress(session, site_id=site_id)
    stored = field_mappings.find(session, settings, site_id=site_id)
    site = sites.status(session, settings)
    return {
        "site": site,
        "site_change": sites.change_in_words(site, settings),
        "health": sync_summary.jira_health(session, as_of=current_runtime().clock.now()),
        "connection": _connection(settings),
        "settings": settings,
        "examination": examination,
        "under_way": examinations.open_one(session),
        "findings": findings,
        "messages": {one["name"]: one["message"] for one in findings},
        "checks": jira_labels.CHECK,
        "preview": examination.preview if examination else None,
        "mapped": _mapped(settings, examination, stored, copy),
        "copy": copy,
        "poll_health": poll_health(session, settings),
        "poll": next((one for one in polls if one.scope == scope), None),
        "webhooks": webhook_health.webhook_health(session, site_id=site_id),
        "expected": webhook_health.expected(settings),
    }


def _connection(settings: Settings) -> dict[str, str]:
    return {
        "api": _bare(settings.jira_base_url) or "JIRA_BASE_URL is not set",
        "browse": _bare(settings.browse_url),
        "deployment": jira_labels.DEPLOYMENT[settings.jira_deployment],
        "credentials": _credentials(settings),
    }


def _bare(address: str) -> str:
    """An address without the user and password that it may contain."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _credentials(settings: Settings) -> str:
    """The kind of the credentials, never the secret itself."""
    if settings.jira_pat is not None:
        return "Personal access token"
    if settings.jira_email and settings.jira_api_token is not None:
        return f"API token of {settings.jira_email}"
    return "None are set"


def _findings(examination: Examination | None) -> list[dict[str, Any]]:
    """Failures come first, then warnings."""
    found = examination.findings or [] if examination else []
    return sorted(found, key=lambda one: _WORST.get(one["status"], 0))


def _mapped(
    settings: Settings,
    examination: Examination | None,
    stored: Resolved | None,
    copy: TicketRow | None,
) -> list[Mapped]:
    preview = (examination.preview or {}) if examination else {}
    sources, values = preview.get("sources", {}), preview.get("values", {})
    resolved = {
        name: getattr(stored, name, None) for name in ("part_number", "quantity", "epic_link")
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
