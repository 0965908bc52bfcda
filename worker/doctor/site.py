"""The check of which Jira it is: the site whose copies of tickets are used (docs/adr/0018)."""

from sqlalchemy import Engine

from shared.clock import iso_millis
from shared.database import engine as db
from shared.settings import Settings
from shared.tickets import sites
from shared.tickets.sites import SiteStatus, change_in_words
from worker.doctor.findings import Finding, ok, warn
from worker.jira.port import ServerInfo
from worker.jira.site import identity_of

_REMEDY = (
    "If Jira was migrated, or JIRA_BASE_URL was meant to change, do nothing: the tickets are read "
    "again. If not, check JIRA_BASE_URL and the base URL in Jira's general configuration."
)


def site(engine: Engine, settings: Settings, info: ServerInfo | None) -> Finding:
    """Whether Jira is the one that it was; ``info`` is what it says now, None if it refuses to."""
    with db.begin(engine) as session:
        known = sites.status(session, settings)
    if known is None or not known.identified:
        return _unknown(settings, info)
    now = identity_of(info) if info is not None and info.base_url else known.identity
    if now != known.identity:
        message = (
            f"Jira at {sites.address_of(settings)} says that it is {now}; before it said "
            f"{known.identity}. A new set of copies of tickets begins within a minute."
        )
        return warn("site", message, _REMEDY)
    if (change := change_in_words(known, settings)) is not None:
        return warn("site", f"{change} It was noticed at {iso_millis(known.since)}.", _REMEDY)
    return ok("site", f"Copies of tickets belong to {_named(known)}.")


def _unknown(settings: Settings, info: ServerInfo | None) -> Finding:
    if info is not None and info.base_url:
        return ok("site", f"Jira says that it is {identity_of(info)}; no worker has asked it yet.")
    address = sites.address_of(settings)
    message = f"Jira does not say who it is (serverInfo), so {address} stands for it."
    if settings.jira_browse_url:
        return ok("site", message)
    return warn(
        "site",
        message,
        "Set JIRA_BROWSE_URL to the address at which people open tickets, or the bodies of "
        "webhooks are taken for those of another Jira.",
    )


def _named(known: SiteStatus) -> str:
    return f"{known.identity} ({known.title})" if known.title else known.identity
