"""Stored field ids: the fields that the settings name, as Jira resolved them last."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.rows import view_of
from shared.settings import Settings

FRESH_HOURS = 24
"""An older resolution is still used, and resolved again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Fields by purpose; None: not mapped. ``fresh``: resolved within the last day.

    Each is a list as text, ``PI=customfield_1:text, customfield_2@10001:markup``: the project of
    the setting, the id, the team-managed project that has it, and whether it holds wiki markup.
    """

    part_number: str | None
    quantity: str | None
    epic_link: str | None
    fresh: bool = True


def settings_hash(settings: Settings, site_id: int | None) -> str:
    """The key of a resolution: another site or another name needs a new one."""
    parts = (
        str(site_id),
        settings.jira_field_part_number,
        settings.jira_field_quantity,
        settings.jira_field_epic_link,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


_STORE = text("""
INSERT INTO field_mappings AS m (settings_hash, part_number, quantity, epic_link)
VALUES (:hash, :part_number, :quantity, :epic_link)
ON CONFLICT (settings_hash) DO UPDATE SET part_number = excluded.part_number,
    quantity = excluded.quantity, epic_link = excluded.epic_link, resolved_at = now()
""")
_FIND = text("""
SELECT part_number, quantity, epic_link,
    resolved_at > now() - make_interval(hours => :fresh) AS fresh
FROM field_mappings WHERE settings_hash = :hash
""")


def store(session: Session, settings: Settings, resolved: Resolved, *, site_id: int) -> None:
    """Store what the names were resolved to."""
    values = {name: getattr(resolved, name) for name in ("part_number", "quantity", "epic_link")}
    session.execute(_STORE, {"hash": settings_hash(settings, site_id), **values})


def find(session: Session, settings: Settings, *, site_id: int | None) -> Resolved | None:
    """What these settings' names were resolved to; None if they never were."""
    values = {"hash": settings_hash(settings, site_id), "fresh": FRESH_HOURS}
    row = session.execute(_FIND, values).one_or_none()
    return view_of(Resolved, row) if row else None
