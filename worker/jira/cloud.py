"""Jira Cloud: ``issue/bulkfetch`` and ``search/jql`` (JIRA.md, section 1)."""

from collections.abc import Sequence
from typing import Any

from worker.jira.dialect import Dialect, RawPage, issues_of, raise_unless_about_keys
from worker.jira.errors import CallRefused


class Cloud(Dialect):
    """The dialect of ``*.atlassian.net`` and of the gateway for scoped tokens."""

    def bulk(self, names: Sequence[str], *, deadline: float) -> list[Any]:
        """Jira omits missing issues silently; after a 400 all are left to single reads."""
        body = {"issueIdsOrKeys": list(names), "fields": list(self.fields)}
        try:
            return issues_of(self.connection.post("issue/bulkfetch", body, deadline=deadline))
        except CallRefused as refusal:
            raise_unless_about_keys(refusal)
            return []

    def search(self, jql: str, *, size: int, following: str | None) -> RawPage:
        """Pages follow by token and may be short; the last one has no token."""
        body: dict[str, Any] = {"jql": jql, "maxResults": size, "fields": list(self.fields)}
        if following is not None:
            body["nextPageToken"] = following
        answer = self.connection.post("search/jql", body)
        issues = issues_of(answer)
        token = answer.get("nextPageToken")
        last = answer.get("isLast") is True or not isinstance(token, str) or not token
        return RawPage(issues, None if last else token)
