"""Jira Data Center: everything by ``search`` with ``startAt`` (JIRA.md, section 3)."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from worker.jira.connection import Connection
from worker.jira.dialect import RawPage, issues_of, raise_unless_about_keys
from worker.jira.errors import CallRefused

_QUERY_CHARACTERS = 3000
"""Longest list of keys in one address: servers take 8 KiB of request line and headers."""

_MOST_PAGES = 100
_KEYS_IN_TEXT = re.compile(r"\b[A-Z][A-Z0-9_]+-[1-9][0-9]*\b|(?<=')[0-9]+(?=')")


class DataCenter:
    """The dialect of a Jira that a shop runs itself."""

    def bulk(
        self,
        connection: Connection,
        names: Sequence[str],
        fields: Sequence[str],
        *,
        deadline: float,
    ) -> list[Any]:
        """``key in (…)`` unvalidated, so that one missing key does not fail the others.

        A server that validates all the same names the keys it misses: these are left out of one
        second try, and whatever that refuses is left to single reads. So the calls are bounded.
        """
        found: list[Any] = []
        for part in _parts(names):
            try:
                found += self._named(connection, part, fields, deadline=deadline)
            except CallRefused as refusal:
                raise_unless_about_keys(refusal)
                missing = set(_KEYS_IN_TEXT.findall(refusal.message.upper()))
                rest = [name for name in part if name not in missing]
                if rest and len(rest) < len(part):
                    found += self._or_nothing(connection, rest, fields, deadline=deadline)
        return found

    def search(
        self,
        connection: Connection,
        jql: str,
        fields: Sequence[str],
        *,
        size: int,
        following: str | None,
        deadline: float,
        validate: bool = True,
    ) -> RawPage:
        """A server may give fewer than asked for; ``total`` alone says whether more follow."""
        start = int(following or 0)
        params = {
            "jql": jql,
            "startAt": start,
            "maxResults": size,
            "fields": ",".join(fields),
            "validateQuery": "true" if validate else "false",
        }
        answer = connection.get("search", params, deadline=deadline)
        issues = issues_of(answer)
        total = answer.get("total")
        after = start + len(issues)
        more = bool(issues) and (not isinstance(total, int) or after < total)
        return RawPage(issues, str(after) if more else None)

    def _named(
        self,
        connection: Connection,
        names: Sequence[str],
        fields: Sequence[str],
        *,
        deadline: float,
    ) -> list[Any]:
        found: list[Any] = []
        following: str | None = None
        for _page in range(_MOST_PAGES):
            page = self.search(
                connection,
                f"key in ({','.join(names)})",
                fields,
                size=len(names),
                following=following,
                deadline=deadline,
                validate=False,
            )
            found += page.issues
            following = page.following
            if following is None:
                break
        return found

    def _or_nothing(
        self,
        connection: Connection,
        names: Sequence[str],
        fields: Sequence[str],
        *,
        deadline: float,
    ) -> list[Any]:
        try:
            return self._named(connection, names, fields, deadline=deadline)
        except CallRefused as refusal:
            raise_unless_about_keys(refusal)
            return []


def _parts(names: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for name in names:
        if part and length + len(name) > _QUERY_CHARACTERS:
            yield part
            part, length = [], 0
        part.append(name)
        length += len(name) + 1
    if part:
        yield part
