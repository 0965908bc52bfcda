"""Where Cloud and Data Center differ: the bulk read and one page of a search."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.jira.errors import CallRefused, JiraCredentialsRefused, JiraUnavailable
from worker.jira.http.connection import Connection

_BAD_REQUEST = 400
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class RawPage:
    """Issues as JSON; ``following`` is passed to read the next page, and None after the last.

    ``shifted``: the list has changed since the page before, so that this page does not continue
    it. It holds no issues, and the query must start again.
    """

    issues: list[Any]
    following: str | None
    shifted: bool = False


@dataclass(frozen=True, slots=True)
class Dialect(ABC):
    """How one product reads issues; ``fields`` are the field ids that every read requests.

    Each ``deadline`` bounds the wait for the budget, in seconds of the clock's ``monotonic``.
    """

    connection: Connection
    fields: Sequence[str]

    @abstractmethod
    def bulk(self, names: Sequence[str], *, deadline: float) -> list[Any]:
        """Up to 100 issues by key or id, as JSON, in any order, without hidden or missing ones."""

    @abstractmethod
    def search(self, jql: str, *, size: int, following: str | None) -> RawPage:
        """One page of a query. Raises CallRefused if Jira does not accept the query."""

    def single(self, name: str, *, deadline: float) -> Any:
        """One issue by key or id, as JSON. Raises CallRefused if it is missing or hidden."""
        params = {"fields": ",".join(self.fields)}
        return self.connection.get(f"issue/{name}", params, deadline=deadline)


def issues_of(body: object) -> list[Any]:
    """The issues of an answer. Raises JiraUnavailable if it has no list of issues."""
    issues = body.get("issues") if isinstance(body, Mapping) else None
    if not isinstance(issues, list):
        raise JiraUnavailable("Jira answered without a list of issues")
    return issues


def raise_unless_about_keys(refusal: CallRefused) -> None:
    """Ignore a 400, since single reads still work; any other refusal stops all calls."""
    if refusal.status == _BAD_REQUEST:
        return
    if refusal.status == _FORBIDDEN:
        raise JiraCredentialsRefused(
            f"our account may not read issues, or its token lacks a scope: {refusal.message}",
            status=refusal.status,
        ) from None
    raise JiraUnavailable(
        f"{refusal.message}: are JIRA_BASE_URL and JIRA_DEPLOYMENT right?", status=refusal.status
    ) from None
