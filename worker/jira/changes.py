"""The tickets that changed since a moment, page by page, without losing any.

A date written as text in JQL is in the account's time zone and has minute precision. We send
epoch milliseconds, which have neither problem, and still floor them to the minute, in case a
search index is coarser than the field. Pages shift while tickets change. So a scan is ordered by
change time, and when a page ends in a later minute than its query began with, the next page is a
new query from that minute on. Tickets that are read twice are dropped. Within one minute, pages
follow each other by a token, or by an offset with an overlap, which makes a shift visible. So no
scan reaches a server's window limit, and a cursor that ends too early is noticed: a scan is only
over when a new query fits on one page.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.settings.issue_keys import is_safe_key, normal_key
from shared.tickets.ticket import Ticket
from worker.jira.errors import JiraUnavailable, UnusableTicket
from worker.jira.fields.tickets import is_issue_id
from worker.jira.jql import in_projects
from worker.jira.port import ChangeQuery, Page
from worker.jira.reads.searches import RawPage

Convert = Callable[[object], Ticket]
"""Given an issue's JSON; raises UnusableTicket, or JiraError."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Search(Protocol):
    """Reads one page of a query, on Cloud or Data Center."""

    def __call__(self, jql: str, *, size: int, following: str | None) -> RawPage:
        """Read the page that ``following`` names; the first one if it is None."""
        ...


def changed_jql(query: ChangeQuery, *, since: datetime) -> str:
    """The query as JQL: always with a lower date bound, oldest change first."""
    scope = f"{in_projects(query.projects)} AND " if query.projects else ""
    stamp = int(since.timestamp()) * 1000
    return f"{scope}updated >= {stamp} ORDER BY updated ASC, key ASC"


def scan(query: ChangeQuery, *, search: Search, convert: Convert) -> Iterator[Page]:
    """Yield every page of the query. Raises JiraError; the pages before it are valid."""
    state = _Scan(_minute(query.since or _BEGINNING))
    while not state.over:
        raw = search(
            changed_jql(query, since=state.since), size=query.page_size, following=state.following
        )
        page = state.take(raw, convert)
        if page.tickets or page.unusable:
            yield page


@dataclass(slots=True)
class _Scan:
    since: datetime
    following: str | None = None
    over: bool = False
    seen: dict[str, datetime] = field(default_factory=dict)

    def take(self, raw: RawPage, convert: Convert) -> Page:
        tickets, unusable = _parsed(raw.issues, convert)
        fresh = [one for one in tickets if self.seen.get(one.issue_id) != one.updated_at]
        self.seen.update({one.issue_id: one.updated_at for one in fresh})
        self._advance(raw, tickets)
        watermark = max((one.updated_at for one in tickets), default=None)
        return Page(tickets=fresh, unusable=unusable, watermark=watermark)

    def _advance(self, raw: RawPage, tickets: list[Ticket]) -> None:
        if raw.shifted:
            self.following = None
            return
        first = self.following is None
        minutes = [_minute(one.updated_at) for one in tickets]
        ordered = minutes == sorted(minutes)
        if raw.following is None and (first or not minutes or not ordered):
            self.over = True
        elif minutes and ordered and minutes[-1] > self.since:
            self._restart(minutes[-1])
        else:
            self._continue(raw.following)

    def _restart(self, since: datetime) -> None:
        self.since = since
        self.following = None
        self.seen = {key: moment for key, moment in self.seen.items() if moment >= since}

    def _continue(self, following: str | None) -> None:
        if following is not None and following == self.following:
            raise JiraUnavailable("Jira's search returns the same page repeatedly")
        self.following = following
        self.over = following is None


def _parsed(issues: list[Any], convert: Convert) -> tuple[list[Ticket], dict[str, str]]:
    tickets: list[Ticket] = []
    unusable: dict[str, str] = {}
    for number, raw in enumerate(issues):
        try:
            tickets.append(convert(raw))
        except UnusableTicket as error:
            unusable[_name(raw, number)] = error.detail
    return tickets, unusable


def _name(raw: object, number: int) -> str:
    """The key or id of an odd issue, or its position if it has neither that can be used."""
    known = raw if isinstance(raw, dict) else {}
    key, issue_id = normal_key(str(known.get("key", ""))), str(known.get("id", ""))
    if is_safe_key(key):
        return key
    return issue_id if is_issue_id(issue_id) else f"entry {number + 1}"


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
