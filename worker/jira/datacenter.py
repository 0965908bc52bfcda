"""Jira Data Center: everything by ``search`` with ``startAt`` (JIRA.md, section 3)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from worker.jira.dialect import Dialect, RawPage, issues_of, raise_unless_about_keys
from worker.jira.errors import CallRefused

_QUERY_CHARACTERS = 3000
"""Longest list of keys in one URL: servers accept 8 KiB of request line and headers."""

_MOST_PAGES = 100
_KEYS_IN_TEXT = re.compile(r"\b[A-Z][A-Z0-9_]+-[1-9][0-9]*\b|(?<=')[0-9]+(?=')")


class DataCenter(Dialect):
    """The dialect of a self-hosted Jira."""

    def bulk(self, names: Sequence[str], *, deadline: float) -> list[Any]:
        """``key in (…)`` without validation, so that one missing key does not fail the others.

        A server that validates anyway names the missing keys. They are left out of a second call,
        and if that is refused too, all are left to single reads: so the calls are bounded.
        """
        found: list[Any] = []
        for part in _parts(names):
            try:
                found += self._named(part, deadline=deadline)
            except CallRefused as refusal:
                raise_unless_about_keys(refusal)
                missing = set(_KEYS_IN_TEXT.findall(" ".join(refusal.texts).upper()))
                rest = [name for name in part if name not in missing]
                if rest and len(rest) < len(part):
                    found += self._named_or_none(rest, deadline=deadline)
        return found

    def search(self, jql: str, *, size: int, following: str | None) -> RawPage:
        """A server may return fewer than requested; only ``total`` says whether more follow.

        Each page begins with the last issue of the page before. If it does not, an issue has left
        or joined the list in the meantime, and one would be missed: the page has shifted.
        """
        place = _Place.read(following)
        answer = self._page(jql, start=place.start, size=size + place.overlap, validate=True)
        issues = issues_of(answer)
        if place.overlap and _mark(issues[:1]) != place.mark:
            return RawPage([], None, shifted=True)
        last = _is_last(answer, after=place.start + len(issues))
        return RawPage(
            issues[place.overlap :],
            None if last else _Place(place.start + len(issues) - 1, _mark(issues[-1:])).write(),
        )

    def _page(
        self, jql: str, *, start: int, size: int, validate: bool, deadline: float | None = None
    ) -> Any:
        params = {
            "jql": jql,
            "startAt": start,
            "maxResults": size,
            "fields": ",".join(self.fields),
            "validateQuery": "true" if validate else "false",
        }
        return self.connection.get("search", params, deadline=deadline)

    def _named(self, names: Sequence[str], *, deadline: float) -> list[Any]:
        """Page by page, since an administrator may allow fewer than a hundred per page."""
        found: list[Any] = []
        for _number in range(_MOST_PAGES):
            answer = self._page(
                f"key in ({','.join(names)})",
                start=len(found),
                size=len(names),
                validate=False,
                deadline=deadline,
            )
            issues = issues_of(answer)
            found += issues
            if not issues or _is_last(answer, after=len(found)):
                break
        return found

    def _named_or_none(self, names: Sequence[str], *, deadline: float) -> list[Any]:
        try:
            return self._named(names, deadline=deadline)
        except CallRefused as refusal:
            raise_unless_about_keys(refusal)
            return []


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
