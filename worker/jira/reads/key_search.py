"""Read issues by ``key in (…)``, in parts as long as the way to Jira allows."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.jira.endpoints import Endpoints, is_refused
from worker.jira.errors import CallRefused, JiraError, JiraScopeMissing
from worker.jira.jql import in_keys, key_operand
from worker.jira.reads.searches import Query, Search

_ADDRESS_CHARACTERS = 3000
"""Longest list of keys in an address: servers accept 8 KiB of request line and headers."""

_MOST_PAGES = 100
_EXCLUSIONS = 5
"""Most searches again without the keys that Jira says do not exist (JIRA.md, section 1)."""

_BAD_REQUEST = 400
_TOO_LONG = frozenset({413, 414, 431})
_AMBIGUOUS = frozenset({400, 404})
_LENGTH_WORDS = re.compile(r"too (?:long|large|big)", re.IGNORECASE)


@dataclass(slots=True)
class KeySearch:
    """One search for many keys. A refusal of its length halves the part that is sent.

    The length that passed is remembered in ``endpoints``, so that the next batch starts there.
    """

    search: Search
    fields: Sequence[str]
    endpoints: Endpoints
    deadline: float
    found: list[Any] = field(default_factory=list)

    def read(self, names: Sequence[str]) -> list[Any]:
        """The issues found; unknown keys, and those that are left to single reads, are absent.

        Raises the JiraError of a search that does not work with a single key either.
        """
        left, longest, halved = list(names), self._longest(), False
        while left and self.endpoints.clock.monotonic() < self.deadline:
            part = _beginning(left, longest)
            try:
                self._named(part)
            except JiraError as error:
                if not self._may_be_too_long(error):
                    raise
                if len(part) == 1 or not (_is_too_long(error) or halved or self._fits(part[:1])):
                    return self._given_up(error)
                longest, halved = _length(part) // 2, True
            else:
                if halved and longest is not None:
                    self.endpoints.passed(self.search.name, longest)
                left = left[len(part) :]
        return self.found

    def _fits(self, names: Sequence[str]) -> bool:
        """Whether a short query passes; what it finds, the next part finds again."""
        try:
            self._pages(names)
        except JiraError as error:
            if not self._may_be_too_long(error):
                raise
            return isinstance(error, CallRefused) and bool(_named_in(error, names))
        return True

    def _longest(self) -> int | None:
        usual = None if self.search.post else _ADDRESS_CHARACTERS
        return self.endpoints.longest(self.search.name) or usual

    def _may_be_too_long(self, error: JiraError) -> bool:
        """Whether a shorter query may pass: proxies say so by 414, 413, 404 or 400.

        Only the first two are certain. A 404 or 400 may also be about the endpoint or one key,
        which shows where a short query is refused too.
        """
        if isinstance(error, JiraScopeMissing) or not (
            isinstance(error, CallRefused) or is_refused(error)
        ):
            return False
        return _is_too_long(error) or (not self.search.post and error.status in _AMBIGUOUS)

    def _given_up(self, error: JiraError) -> list[Any]:
        """The shortest query is refused: one key is odd, or this search does not work here."""
        odd_key = isinstance(error, CallRefused) and error.status == _BAD_REQUEST
        if not odd_key and not self.found:
            raise error
        return self.found

    def _named(self, part: Sequence[str]) -> None:
        """Without the keys that Jira names as unknown, if it validates them; so calls are few."""
        rest = list(part)
        for number in range(_EXCLUSIONS + 1):
            try:
                self.found += self._pages(rest)
            except CallRefused as refusal:
                unknown = _named_in(refusal, rest)
                if not unknown or number == _EXCLUSIONS:
                    raise
                rest = [name for name in rest if name not in unknown]
            else:
                return
            if not rest:
                return

    def _pages(self, names: Sequence[str]) -> list[Any]:
        """Page by page, since an administrator may allow fewer than a hundred per page."""
        found: list[Any] = []
        following = None
        for _number in range(_MOST_PAGES):
            page = self.search.page(
                Query(
                    jql=in_keys(names),
                    fields=self.fields,
                    size=len(names),
                    following=following,
                    validate=False,
                    deadline=self.deadline,
                )
            )
            found += page.issues
            following = page.following
            if following is None or not page.issues:
                break
        return found


def _is_too_long(error: JiraError) -> bool:
    return error.status in _TOO_LONG or _LENGTH_WORDS.search(error.message) is not None


def _named_in(refusal: CallRefused, names: Iterable[str]) -> set[str]:
    """The keys that a 400 names; a key is not taken for the beginning of a longer one."""
    if refusal.status != _BAD_REQUEST or _is_too_long(refusal):
        return set()
    text = " ".join(refusal.texts).upper()
    return {n for n in names if re.search(rf"(?<![\w-]){re.escape(n)}(?![\w-])", text)}


def _length(names: Iterable[str]) -> int:
    return sum(len(key_operand(name)) + 1 for name in names)


def _beginning(names: Sequence[str], longest: int | None) -> list[str]:
    """As many names as fit, at least one."""
    if longest is None:
        return list(names)
    part = [names[0]]
    length = _length(part)
    for name in names[1:]:
        length += _length([name])
        if length > longest:
            break
        part.append(name)
    return part
