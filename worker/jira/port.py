"""What the worker asks of Jira and what it gets: queries and results."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.settings import Deployment
from shared.states import FailureCode
from shared.tickets.ticket import Ticket
from worker.jira.errors import JiraError

BATCH = 100
"""Most tickets in one bulk read: allowed before and after Atlassian's change of the limit."""

OVERLAP = timedelta(minutes=10)
"""How far before the watermark a poll starts: search lags behind edits by up to minutes."""


@dataclass(frozen=True, slots=True)
class TicketProblem:
    """A result for one ticket that ends its sync task."""

    code: FailureCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of one ``read``; every requested key is in exactly one of the three.

    ``found`` and ``refused`` are keyed as requested: a moved ticket is under its old key and has
    its new one in ``Ticket.key``. ``unread`` keys were not reached before the deadline or, if
    ``interrupted`` is set, before a call that failed as a whole.
    """

    found: dict[str, Ticket] = field(default_factory=dict)
    refused: dict[str, TicketProblem] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    interrupted: JiraError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuery:
    """The tickets that changed at or after ``since`` in these projects (empty: all).

    ``since`` None means all tickets, for a first import. ``page_size`` is tickets per page.
    """

    projects: tuple[str, ...] = ()
    since: datetime | None = None
    page_size: int = BATCH

    def after(self, watermark: datetime) -> "ChangeQuery":
        """The same query from this watermark on, minus the overlap that search lag requires."""
        return replace(self, since=watermark - OVERLAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the tickets that changed, oldest change first.

    Once they are stored, ``watermark`` can be stored too: a later scan may start there.
    ``unusable`` says for each invalid issue, by key or id, what is wrong.
    """

    tickets: list[Ticket]
    unusable: dict[str, str]
    watermark: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of our credentials; on Data Center ``account_id`` is the user key."""

    account_id: str
    display_name: str
    email: str | None
    time_zone: str | None


SIMULATOR_TITLE = "Jira (Routecard simulator)"
"""The title by which the simulator says that it is no Jira."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What Jira tells about itself to every caller."""

    deployment: Deployment
    version: str
    title: str
    base_url: str

    @property
    def simulated(self) -> bool:
        """Whether it is our simulator."""
        return self.title == SIMULATOR_TITLE
