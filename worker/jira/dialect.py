"""What Cloud and Data Center say differently: the bulk read and one page of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from worker.jira.errors import CallRefused, JiraCredentialsRefused, JiraUnavailable
from worker.jira.http.connection import Connection

_BAD_REQUEST = 400
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class RawPage:
    """Issues as JSON, and what to pass for the page after this one; None: there is none.

    ``shifted``: the list has moved under the pages since the one before, so that this one does
    not join it and holds nothing; the query is to be asked anew.
    """

    issues: list[Any]
    following: str | None
    shifted: bool = False


class Dialect(Protocol):
    """One product's way to read many issues with one call."""

    def bulk(
        self,
        connection: Connection,
        names: Sequence[str],
        fields: Sequence[str],
        *,
        deadline: float,
    ) -> list[Any]:
        """Up to 100 issues by key or id, as JSON, in any order; absent: unseen, moved or gone."""
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
        """One page of a query. Raises CallRefused where Jira does not take the query."""
        ...


def issues_of(body: object) -> list[Any]:
    """The issues of an answer; one without them is no answer of Jira's."""
    issues = body.get("issues") if isinstance(body, Mapping) else None
    if not isinstance(issues, list):
        raise JiraUnavailable("Jira answered without a list of issues")
    return issues


def raise_unless_about_keys(refusal: CallRefused) -> None:
    """Pass over a 400, which single reads can work around; anything else stops every call."""
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
