"""What the poll cannot bring: projects that Jira does not show, tickets that cannot be used."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.settings import Settings
from shared.tickets import projects, unusable
from shared.tickets.projects import LostProject
from shared.tickets.unusable import Unusable

SHOWN = 5
"""How many unusable tickets are named."""


@dataclass(frozen=True, slots=True)
class PollHealth:
    """``unusable`` are some of the ``unusable_count`` tickets, those met last first."""

    lost_projects: list[LostProject]
    unusable_count: int
    unusable: list[Unusable]


def poll_health(session: Session, settings: Settings) -> PollHealth:
    """Read it for the poll of these settings."""
    return PollHealth(
        projects.lost_ones(session, settings),
        unusable.count(session, settings),
        unusable.page(session, settings, limit=SHOWN),
    )
