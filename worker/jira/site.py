"""Watches which Jira answers at the configured address (docs/adr/0018)."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.clock import Clock
from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.settings import Settings
from shared.tickets import sites
from shared.tickets.sites import Identified, Site
from worker.jira.client import Jira
from worker.jira.port import ServerInfo
from worker.process.database import while_database_is_away

log = get_logger(__name__)

T = TypeVar("T")


class SiteWatch:
    """The site of one process's calls to Jira.

    Jira is asked who it is at the process's first call, once a minute by all processes together,
    and after an outage.
    """

    def __init__(self, settings: Settings, *, engine: Engine, jira: Jira, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._engine = engine
        self._jira = jira
        self._overdue = True
        self._last: int | None = None

    def known(self) -> Site:
        """The site as it was seen last, without a call to Jira."""
        return self._transaction(lambda s: sites.ensure(s, self._settings))

    def checked(self, *, deadline: float | None = None) -> Site:
        """The site, checked if it is time. Call it before every read, and store under its id.

        A Jira that refuses to say who it is stays the one it was. Raises JiraError if it does not
        answer at all. ``deadline`` bounds the wait for the request budget.
        """
        site = self.known()
        begin = partial(sites.begin_check, settings=self._settings, now=self._overdue)
        if self._transaction(begin):
            info = self._jira.identity(deadline=deadline)
            if info is not None:
                self._identify(info)
                site = self.known()
        self._overdue = False
        if self._last not in (None, site.site_id):
            self._jira.forget()
        self._last = site.site_id
        return site

    def check_next_time(self) -> None:
        """Jira was away: whoever answers now may be another one."""
        self._overdue = True

    def _identify(self, info: ServerInfo) -> None:
        found: Identified = self._transaction(
            lambda s: sites.identify(
                s,
                self._settings,
                identity=identity_of(info),
                title=info.title,
                deployment=info.deployment.value,
            ),
        )
        if found.before is not None:
            log.warning("jira_site_changed", before=found.before, now=found.identity)

    def _transaction(self, work: Callable[[Session], T]) -> T:
        """Repeated while the database is away, as everything under a lease is."""
        return while_database_is_away(
            lambda: in_transaction(self._engine, work),
            clock=self._clock,
            seconds=self._settings.lease_seconds / 4,
        )


def identity_of(info: ServerInfo) -> str:
    """The identity of a Jira: its own base URL. A simulator never has that of a real Jira."""
    address = sites.normal_address(info.base_url)
    return f"simulator at {address}" if info.simulated else address
