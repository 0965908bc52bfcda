"""Which scopes of a token allow a call: one classic scope, or all of its granular ones.

From Atlassian's OpenAPI document, ``x-atlassian-oauth2-scopes``.
"""

from collections.abc import Set as AbstractSet
from typing import Final

_WORK: Final = "read:jira-work"
_CLASSIC: Final = {"GET myself": "read:jira-user"}
_READ: Final = frozenset(
    f"read:{name}:jira"
    for name in (
        *("issue-meta", "issue-security-level", "issue.vote", "issue.changelog", "avatar"),
        *("issue", "status", "user", "field-configuration"),
    )
)
_SEARCH: Final = frozenset(
    f"read:{name}:jira"
    for name in ("issue-details", "field.default-value", "field.option", "field", "group")
)
_GRANULAR: Final = {
    "GET myself": frozenset(
        f"read:{name}:jira" for name in ("application-role", "group", "user", "avatar")
    ),
    "GET field": frozenset(
        f"read:{name}:jira"
        for name in ("field", "avatar", "project-category", "project", "field-configuration")
    ),
    "GET mypermissions": frozenset({"read:permission:jira"}),
    "GET issue/{key}": _READ,
    "POST issue/bulkfetch": _READ,
    "POST search/jql": _SEARCH,
    "GET search/jql": frozenset(
        f"read:{name}:jira"
        for name in ("issue-details", "audit-log", "avatar", "field-configuration", "issue-meta")
    ),
}


def allows(scopes: AbstractSet[str], call: str) -> bool:
    """Whether a token with these scopes may make a call such as ``GET issue/{key}``."""
    if call == "GET serverInfo" or _CLASSIC.get(call, _WORK) in scopes:
        return True
    granular = _GRANULAR.get(call)
    return granular is not None and granular <= scopes


def granular_of(call: str) -> AbstractSet[str]:
    """The granular scopes that a call needs."""
    return _GRANULAR[call]
