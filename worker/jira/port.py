"""The Jira port: what the worker may ask of Jira, and in what words it gets the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.settings import Deployment
from shared.states import FailureCode
from shared.tickets.ticket import Ticket
from worker.jira.errors import (
    CallRefused,
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraError,
    JiraLimited,
    JiraUnavailable,
    MappingError,
    UnusableTicket,
)
from worker.jira.fields.mapping import FieldInfo, FieldMapping

__all__ = [
    "BATCH",
    "OVERLAP",
    "Account",
    "CallRefused",
    "ChangeQuery",
    "FieldInfo",
    "FieldMapping",
    "Jira",
    "JiraCaptchaLock",
    "JiraCredentialsRefused",
    "JiraError",
    "JiraLimited",
    "JiraUnavailable",
    "MappingError",
    "Page",
    "Permissions",
    "ReadResult",
    "ServerInfo",
    "Ticket",
    "TicketProblem",
    "UnusableTicket",
]

BATCH = 100
"""Most tickets one bulk read asks for: safe on both sides of Atlassian's change of the limit."""

OVERLAP = timedelta(minutes=10)
"""How far before the watermark a poll starts: search lags edits by seconds to minutes."""


@dataclass(frozen=True, slots=True)
class TicketProblem:
    """An answer about one ticket that ends its sync task."""

    code: FailureCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What one ``read`` learned; every requested key is in exactly one of the three.

    ``found`` and ``refused`` are keyed as requested: a moved ticket stands under its old key and
    says its new one in ``Ticket.key``. ``unread`` was not reached, because the deadline came or,
    where ``interrupted`` is set, because a later call failed as a whole.
    """

    found: dict[str, Ticket] = field(default_factory=dict)
    refused: dict[str, TicketProblem] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    interrupted: JiraError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuery:
    """Which tickets a poll wants: changed at or after ``since``, in these projects (empty: all).

    ``since`` None asks for everything, as a first import does. ``page_size`` is tickets a page.
    """

    projects: tuple[str, ...] = ()
    since: datetime | None = None
    page_size: int = BATCH

    def after(self, watermark: datetime) -> "ChangeQuery":
        """The same query from this watermark on, minus the overlap that search lag asks for."""
        return replace(self, since=watermark - OVERLAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the tickets that changed, oldest change first.

    Once they are stored, ``watermark`` is safe to store too: a later scan may start there without
    an overlap of its own. ``unusable`` says for each odd issue, by key or id, what is wrong.
    """

    tickets: list[Ticket]
    unusable: dict[str, str]
    watermark: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose credentials we use, as ``myself`` says; ``account_id`` is the user key on a server."""

    account_id: str
    display_name: str
    email: str | None
    time_zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What Jira says of itself, to anybody."""

    deployment: Deployment
    version: str
    title: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What our account may do in one project."""

    project: str
    may_browse: bool


class Jira(Protocol):
    """Jira as the worker sees it. Every method may raise ``JiraError``; none waits for ever."""

    def read(self, keys: Sequence[str], *, deadline: float) -> ReadResult:
        """Read tickets by key (any case) or id: in bulk, then one by one what came back unnamed.

        ``deadline`` is in seconds of the clock's ``monotonic``; no read starts after it. Raises
        JiraError only where nothing at all was learned; later failures are ``interrupted``.
        """
        ...

    def changed_since(self, query: ChangeQuery) -> Iterator[Page]:
        """Pages of what changed; lazily, so that each may be stored before the next is asked."""
        ...

    def verify(self) -> Account:
        """Prove the credentials. Raises JiraCredentialsRefused or JiraCaptchaLock."""
        ...

    def mapping(self) -> FieldMapping:
        """The field mapping with every name resolved. Raises MappingError with candidates."""
        ...

    def fields(self) -> list[FieldInfo]:
        """Every field the account may see, asked anew; the credentials are proven first."""
        ...

    def permissions(self, project: str) -> Permissions:
        """What the account may do in this project. CallRefused: there is no such project for us."""
        ...

    def server_info(self) -> ServerInfo:
        """Version and deployment, asked anew."""
        ...

    def close(self) -> None:
        """Give back the connections; the next call opens new ones."""
        ...
