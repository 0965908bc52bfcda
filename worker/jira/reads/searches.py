"""One page of a search: by token on Cloud, by offset on Data Center, by POST or by GET.

POST is the first choice: a long query then stands in the body, and not in an address, which
proxies limit to 2 048 characters (JIRA.md, pain 22).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from worker.jira.errors import JiraUnavailable
from worker.jira.http.connection import Connection


@dataclass(frozen=True, slots=True)
class RawPage:
    """Issues as JSON; ``following`` is passed to read the next page, and None after the last.

    ``shifted``: the list has changed since the page before, so that this page does not continue
    it. It holds no issues, and the query must start again.
    """

    issues: list[Any]
    following: str | None
    shifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One page to read. ``validate``: a key or project that does not exist is refused.

    ``deadline`` bounds the wait for the budget, in seconds of the clock's ``monotonic``.
    """

    jql: str
    fields: Sequence[str]
    size: int
    following: str | None = None
    validate: bool = True
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Search(ABC):
    """A search endpoint with its method; ``post`` False sends the query in the address."""

    connection: Connection
    post: bool

    @property
    def name(self) -> str:
        """Its name among the endpoints."""
        return f"{'POST' if self.post else 'GET'} {self.path}"

    @property
    @abstractmethod
    def path(self) -> str:
        """Its address below ``/rest/api/2/``."""

    @abstractmethod
    def page(self, query: Query) -> RawPage:
        """Read one page. Raises CallRefused if Jira does not accept the query."""

    def _send(self, query: Query, values: Mapping[str, Any]) -> Any:
        """Lists and truth values go into an address as text."""
        if self.post:
            body = {"jql": query.jql, "fields": list(query.fields), **values}
            return self.connection.post(self.path, body, deadline=query.deadline)
        params = {"jql": query.jql, "fields": ",".join(query.fields), **values}
        texts = {k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items()}
        return self.connection.get(self.path, texts, deadline=query.deadline)


class TokenSearch(Search):
    """Cloud's ``search/jql`` (JIRA.md, section 1); it always validates the query."""

    @property
    def path(self) -> str:
        """See the base class."""
        return "search/jql"

    def page(self, query: Query) -> RawPage:
        """Pages follow by token and may be short; the last one has no token."""
        values: dict[str, Any] = {"maxResults": query.size}
        if query.following is not None:
            values["nextPageToken"] = query.following
        answer = self._send(query, values)
        issues = issues_of(answer)
        token = answer.get("nextPageToken")
        last = answer.get("isLast") is True or not isinstance(token, str) or not token
        return RawPage(issues, None if last else token)


class OffsetSearch(Search):
    """Data Center's ``search`` with ``startAt`` (JIRA.md, section 3)."""

    @property
    def path(self) -> str:
        """See the base class."""
        return "search"

    def page(self, query: Query) -> RawPage:
        """A server may return fewer than requested; only ``total`` says whether more follow.

        Each page begins with the last issue of the page before. If it does not, an issue has left
        or joined the list in the meantime, and one would be missed: the page has shifted.
        """
        place = _Place.read(query.following)
        values = {
            "startAt": place.start,
            "maxResults": query.size + place.overlap,
            "validateQuery": query.validate,
        }
        answer = self._send(query, values)
        issues = issues_of(answer)
        if place.overlap and _mark(issues[:1]) != place.mark:
            return RawPage([], None, shifted=True)
        last = _is_last(answer, after=place.start + len(issues))
        return RawPage(
            issues[place.overlap :],
            None if last else _Place(place.start + len(issues) - 1, _mark(issues[-1:])).write(),
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the next page starts, and which issue in which version must be there."""

    start: int = 0
    mark: str = ""

    @property
    def overlap(self) -> int:
        return 1 if self.mark else 0

    @classmethod
    def read(cls, following: str | None) -> Self:
        start, _, mark = (following or "").partition(" ")
        return cls(int(start), mark) if mark else cls()

    def write(self) -> str:
        return f"{self.start} {self.mark}"


def _mark(issues: list[Any]) -> str:
    issue = issues[0] if issues and isinstance(issues[0], Mapping) else {}
    fields = issue.get("fields")
    updated = fields.get("updated") if isinstance(fields, Mapping) else None
    return f"{issue.get('id')}@{updated}"


def _is_last(answer: Mapping[str, Any], *, after: int) -> bool:
    total = answer.get("total")
    return not answer["issues"] or (isinstance(total, int) and after >= total)


def issues_of(body: object) -> list[Any]:
    """The issues of an answer. Raises JiraUnavailable if it has no list of issues."""
    issues = body.get("issues") if isinstance(body, Mapping) else None
    if not isinstance(issues, list):
        raise JiraUnavailable("Jira answered without a list of issues")
    return issues
