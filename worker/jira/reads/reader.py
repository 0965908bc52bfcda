"""Read issues by whatever Jira answers here: bulk read, searches by key, single reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.settings import Deployment
from worker.jira.endpoints import Endpoints, by_reason, is_refused
from worker.jira.errors import (
    CallRefused,
    JiraError,
    JiraScopeMissing,
    JiraUnavailable,
    SearchUnavailable,
)
from worker.jira.http.connection import Connection
from worker.jira.reads.key_search import KeySearch
from worker.jira.reads.searches import (
    OffsetSearch,
    Query,
    RawPage,
    Search,
    TokenSearch,
    issues_of,
)

BULK_FETCH = "POST issue/bulkfetch"
SINGLE = "GET issue/{key}"

_BAD_REQUEST = 400
_NOT_FOUND = 404
_GONE = frozenset({404, 410})
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Bulk:
    """Issues of a bulk read, as JSON, and the endpoint that gave them; "" if none answers here.

    ``refused`` are the endpoints that refused this read. They are to be remembered only once a
    ticket was read in another way, for otherwise Jira itself may be away or refuse us. ``calls`` is
    how many were made.
    """

    issues: list[Any]
    way: str
    refused: Mapping[str, JiraError]
    calls: int


def searches_of(connection: Connection, kind: Deployment) -> tuple[Search, ...]:
    """The product's own search first; the other's serves a Jira that we take for the wrong one."""
    tokens = [TokenSearch(connection, post) for post in (True, False)]
    offsets = [OffsetSearch(connection, post) for post in (True, False)]
    cloud = kind is not Deployment.DATACENTER
    return (*tokens, *offsets) if cloud else (*offsets, *tokens)


@dataclass(frozen=True, slots=True)
class Reader:
    """How issues are read here; ``fields`` are the field ids that every read requests.

    Each ``deadline`` is in seconds of the clock's ``monotonic``.
    """

    connection: Connection
    endpoints: Endpoints
    searches: tuple[Search, ...]
    fields: Sequence[str]
    bulk_fetch: bool = True

    def bulk(self, names: Sequence[str], *, deadline: float) -> Bulk:
        """Up to 100 issues by key or id, in any order, without hidden or missing ones."""
        refused: dict[str, JiraError] = {}
        before = self.connection.calls
        for name in self._ways():
            try:
                issues = self._by(name, names, deadline=deadline)
                return Bulk(issues, name, refused, self.connection.calls - before)
            except JiraError as error:
                if not _may_pass_otherwise(error, name):
                    raise
                refused[name] = error
            if self.endpoints.clock.monotonic() >= deadline:
                break
        return Bulk([], "", refused, self.connection.calls - before)

    def search(self, jql: str, *, size: int, following: str | None) -> RawPage:
        """One page of a query. Raises CallRefused if Jira does not accept the query.

        A scan goes on with the search that it began with.
        """
        if following is not None:
            return self._next_page(jql, size=size, following=following)
        refused: dict[str, JiraError] = {}
        for search in self._open_searches():
            try:
                page = search.page(Query(jql=jql, fields=self.fields, size=size))
            except JiraError as error:
                if not is_refused(error):
                    raise
                refused[search.name] = error
            else:
                self.remember(refused)
                return _marked(page, search.name)
        raise self._no_search(refused, jql)

    def single(self, name: str, *, deadline: float, bulk: Bulk) -> Any:
        """One issue by key or id, as JSON. Raises CallRefused if it is missing or hidden.

        If single reads are refused here, a search for the one key stands in, unless ``bulk``, the
        read before it, has just shown that none is answered.
        """
        refusal = self.endpoints.refusal(SINGLE)
        if refusal is None:
            params = {"fields": ",".join(self.fields)}
            try:
                return self.connection.get(f"issue/{name}", params, deadline=deadline)
            except JiraError as error:
                if _is_about_ticket(error) or not is_refused(error):
                    raise
                refusal = error
        found = self._searched([name], deadline=deadline) if bulk.way else None
        if found is None:
            raise _as_a_whole(refusal)
        self.remember({SINGLE: refusal})
        if len(found) == 1:
            return found[0]
        raise CallRefused("no search finds such a ticket", status=_NOT_FOUND)

    def remember(self, refused: Mapping[str, JiraError]) -> None:
        """Make no call to these endpoints for a while, since others have answered instead."""
        for name, error in refused.items():
            self.endpoints.refuse(name, error)

    def _ways(self) -> Iterator[str]:
        if self.bulk_fetch and self.endpoints.refusal(BULK_FETCH) is None:
            yield BULK_FETCH
        yield from (search.name for search in self._open_searches())

    def _open_searches(self) -> Iterator[Search]:
        """The searches worth a call."""
        return (one for one in self.searches if self.endpoints.refusal(one.name) is None)

    def _by(self, name: str, names: Sequence[str], *, deadline: float) -> list[Any]:
        if name == BULK_FETCH:
            return self._fetch(names, deadline=deadline)
        search = self._search(name)
        return KeySearch(search, self.fields, self.endpoints, deadline).read(names)

    def _search(self, name: str) -> Search:
        return next(search for search in self.searches if search.name == name)

    def _fetch(self, names: Sequence[str], *, deadline: float) -> list[Any]:
        """Jira omits missing issues silently; after a 400 all are left to single reads."""
        body = {"issueIdsOrKeys": list(names), "fields": list(self.fields)}
        try:
            return issues_of(self.connection.post("issue/bulkfetch", body, deadline=deadline))
        except CallRefused as refusal:
            if refusal.status != _BAD_REQUEST:
                raise
            return []

    def _next_page(self, jql: str, *, size: int, following: str) -> RawPage:
        name, _, place = following.partition("\n")
        query = Query(jql=jql, fields=self.fields, size=size, following=place)
        return _marked(self._search(name).page(query), name)

    def _searched(self, names: Sequence[str], *, deadline: float) -> list[Any] | None:
        """The issues that a search finds; None if no search is answered."""
        for search in self._open_searches():
            try:
                return KeySearch(search, self.fields, self.endpoints, deadline).read(names)
            except JiraError as error:
                if not _may_pass_otherwise(error, search.name):
                    raise
        return None

    def _no_search(self, refused: Mapping[str, JiraError], jql: str) -> CallRefused:
        """The error where every search is refused; a missing scope speaks for the others."""
        known = {
            s.name: refused.get(s.name) or self.endpoints.refusal(s.name) for s in self.searches
        }
        errors = {name: error for name, error in known.items() if error is not None}
        for error in errors.values():
            if isinstance(error, JiraScopeMissing):
                return error
        listed = "; ".join(f"{names}: {why}" for why, names in by_reason(errors).items())
        return SearchUnavailable(
            f"no search is answered here for a query of {len(jql)} characters ({listed}); "
            "are JIRA_BASE_URL and JIRA_DEPLOYMENT right?",
            status=next((error.status for error in errors.values()), None),
        )


def _may_pass_otherwise(error: JiraError, name: str) -> bool:
    """Whether another endpoint may answer. A body may be malformed for a server, an address not."""
    by_post = name.startswith("POST search")
    malformed = isinstance(error, CallRefused) and error.status == _BAD_REQUEST
    return is_refused(error) or (by_post and malformed)


def _as_a_whole(refusal: JiraError) -> JiraError:
    """A refusal of single reads where nothing stands in for them: it is about no ticket."""
    if isinstance(refusal, JiraScopeMissing | JiraUnavailable):
        return refusal
    return JiraUnavailable(
        f"{refusal.message}: are JIRA_BASE_URL and JIRA_DEPLOYMENT right?", status=refusal.status
    )


def _is_about_ticket(error: JiraError) -> bool:
    """Whether Jira itself says that the ticket is missing, or forbidden to us."""
    if isinstance(error, JiraScopeMissing) or not isinstance(error, CallRefused):
        return False
    return error.status in _GONE or error.status == _FORBIDDEN


def _marked(page: RawPage, name: str) -> RawPage:
    """The page with the search's name before the place of the next one."""
    following = None if page.following is None else f"{name}\n{page.following}"
    return RawPage(page.issues, following, shifted=page.shifted)
