"""Where Cloud and Data Center differ: the bulk read and one page of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


class Dialect(Protocol):
    """How one product reads many issues with one call."""

    def bulk(
        self,
        connection: Connection,
        names: Sequence[str],
        fields: Sequence[str],
        *,
        deadline: float,
    ) -> list[Any]:
        """Up to 100 issues by key or id, as JSON, in any order, without hidden or missing ones."""
        ...

    def search(
        self,
        connection: Connection,
        jql: str,
        fields: Sequence[str],
        *,
        size: int,
        following: str | None,
        deadline: float,
    ) -> RawPage:
        """One page of a query. Raises CallRefused if Jira does not accept the query."""
        ...


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
