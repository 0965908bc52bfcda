"""Which Jira it is: its identity, and the site that answers at the address in the settings.

The identity is what Jira says of itself, not the address it is reached at (docs/adr/0018).
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.rows import view_of
from shared.settings import Settings

RECENT_DAYS = 7
"""A change of the site is reported for so long."""
CHECK_SECONDS = 60
"""The identity is checked at least so often while calls are made."""

NOBODYS = 0
"""The id of the site whose copies nobody uses."""

_PORTS = {"http": 80, "https": 443}


def normal_address(address: str) -> str:
    """An address in one form: lower-case scheme and host, no default port, no slash at its end.

    User, password, query and fragment are left out; the path stays. A text that is no address is
    returned as it is.
    """
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return address.strip()
    if not parts.hostname:
        return address.strip()
    return f"{parts.scheme}://{_host(parts, port)}{parts.path.rstrip('/')}"


def _host(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port in (None, _PORTS.get(parts.scheme)) else f"{bracketed}:{port}"


@dataclass(frozen=True, slots=True)
class Site:
    """The site at the configured address. ``bases`` are the addresses that its issues may name."""

    site_id: int
    bases: frozenset[str]

    def has(self, issue_address: str) -> bool:
        """Whether an issue with this ``self`` is of this site."""
        base, found, _ = issue_address.partition("/rest/")
        return bool(found) and normal_address(base) in self.bases


@dataclass(frozen=True, slots=True)
class Identified:
    """The result of a check: the site, and if it is another one, the identity from before."""

    site_id: int
    identity: str
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """What is known of the Jira at the configured address.

    ``identified``: Jira said who it is; otherwise the address stands for its identity. ``before``
    is the identity of the site that was there before ``since``; ``recent``: within a week.
    """

    identity: str
    title: str | None
    identified: bool
    since: datetime
    before: str | None
    recent: bool


def address_of(settings: Settings) -> str:
    """JIRA_BASE_URL in one form."""
    return normal_address(settings.jira_base_url)


def current_id(session: Session, settings: Settings) -> int | None:
    """The id of the site at the configured address; None if no worker has used the address yet."""
    found: int | None = session.scalar(_CURRENT, {"address": address_of(settings)})
    return found


def ensure(session: Session, settings: Settings) -> Site:
    """The site at the configured address. Until Jira says who it is, the address identifies it."""
    values = {"address": address_of(settings)}
    row = session.execute(_SITE, values).one_or_none()
    if row is None:
        session.execute(_PROVISIONAL, values)
        session.execute(_ADDRESS, values)
        row = session.execute(_SITE, values).one()
    bases = {row.identity, row.address, normal_address(settings.browse_url)}
    return Site(row.site_id, frozenset(bases))


def begin_check(session: Session, settings: Settings, *, now: bool) -> bool:
    """Whether the caller is to ask Jira who it is: a minute has passed, or ``now`` is set.

    Of several callers at once one is told to.
    """
    values = {"address": address_of(settings), "every": CHECK_SECONDS, "now": now}
    return session.execute(_BEGIN_CHECK, values).one_or_none() is not None


def identify(
    session: Session, settings: Settings, *, identity: str, title: str, deployment: str
) -> Identified:
    """Jira said who it is. Another identity than before is another site, whose copies are used."""
    values = {"address": address_of(settings), "identity": identity}
    known = {"title": title or None, "deployment": deployment}
    site_id: int = session.execute(_SEEN, {**values, **known}).scalar_one()
    before = session.execute(_BEFORE, values).one_or_none()
    session.execute(_IDENTIFIED, {"address": values["address"], "site_id": site_id})
    changed = before is not None and before.site_id != site_id and before.identified
    return Identified(site_id, identity, before.identity if changed and before else None)


def status(session: Session, settings: Settings) -> SiteStatus | None:
    """The state of the site at the configured address, for people; None before its first use."""
    values = {"address": address_of(settings), "days": RECENT_DAYS}
    row = session.execute(_STATUS, values).one_or_none()
    return view_of(SiteStatus, row) if row else None


def change_in_words(found: SiteStatus | None, settings: Settings) -> str | None:
    """A recent change of the site in a sentence or two; None if there was none."""
    if found is None or not found.recent or found.before is None:
        return None
    return (
        f"Jira at {address_of(settings)} says that it is {found.identity}; before it said "
        f"{found.before}. A new set of copies of tickets began then."
    )


_CURRENT = text("SELECT site_id FROM jira_addresses WHERE address = :address")
_SITE = text("""
SELECT a.address, a.site_id, s.identity
FROM jira_addresses a JOIN jira_sites s ON s.id = a.site_id WHERE a.address = :address
""")
_PROVISIONAL = text("""
INSERT INTO jira_sites (identity) VALUES (:address) ON CONFLICT (identity) DO NOTHING
""")
_ADDRESS = text("""
INSERT INTO jira_addresses (address, site_id)
SELECT :address, id FROM jira_sites WHERE identity = :address
ON CONFLICT (address) DO NOTHING
""")
_BEGIN_CHECK = text("""
UPDATE jira_addresses SET checked_at = now()
WHERE address = :address
    AND (:now OR checked_at IS NULL OR checked_at <= now() - make_interval(secs => :every))
RETURNING site_id
""")
_SEEN = text("""
INSERT INTO jira_sites AS s (identity, title, deployment) VALUES (:identity, :title, :deployment)
ON CONFLICT (identity) DO UPDATE SET
    title = excluded.title, deployment = excluded.deployment, last_seen_at = now()
RETURNING id
""")
_BEFORE = text("""
SELECT a.site_id, s.identity, a.identified_at IS NOT NULL AS identified
FROM jira_addresses a JOIN jira_sites s ON s.id = a.site_id
WHERE a.address = :address FOR UPDATE OF a
""")
_IDENTIFIED = text("""
INSERT INTO jira_addresses AS a (address, site_id, checked_at, identified_at)
VALUES (:address, :site_id, now(), now())
ON CONFLICT (address) DO UPDATE SET
    site_id = excluded.site_id, identified_at = now(),
    site_since = CASE WHEN a.site_id = excluded.site_id THEN a.site_since ELSE now() END,
    previous_site_id = CASE WHEN a.site_id = excluded.site_id OR a.identified_at IS NULL
        THEN a.previous_site_id ELSE a.site_id END
""")
_STATUS = text("""
SELECT s.identity, s.title, a.identified_at IS NOT NULL AS identified, a.site_since AS since,
    p.identity AS before,
    a.site_since > now() - make_interval(days => :days) AS recent
FROM jira_addresses a JOIN jira_sites s ON s.id = a.site_id
LEFT JOIN jira_sites p ON p.id = a.previous_site_id
WHERE a.address = :address
""")
