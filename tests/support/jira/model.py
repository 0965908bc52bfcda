"""A model of Jira that remembers what each key led to, at every moment."""

import itertools
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tests.support.jira.hooks import PART_NUMBER, issue, now

_FIELDS = ("summary", PART_NUMBER, "priority", "labels")
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Issue:
    """One version of an issue, in API v2 shape without its ``self``."""

    issue_id: str
    key: str
    fields: dict[str, Any]

    def json(self, base: str) -> dict[str, Any]:
        """The issue as the site at ``base`` sends it."""
        where = {"self": f"{base}/rest/api/2/issue/{self.issue_id}"}
        return {"id": self.issue_id, "key": self.key, **where, "fields": self.fields}

    @property
    def values(self) -> Values:
        """What a job is filled with."""
        summary, part_number, priority, labels = (self.fields.get(name) for name in _FIELDS)
        return summary, part_number, priority["name"], labels or None


@dataclass(frozen=True)
class Contents:
    """All issues of a site by id, and which issue a former key leads to."""

    issues: dict[str, Issue] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)

    def find(self, key: str) -> Issue | None:
        """The issue that has this key, or else the one that had it."""
        for one in self.issues.values():
            if one.key == key:
                return one
        return self.issues.get(self.former.get(key, ""))

    def keys(self) -> set[str]:
        """Every key that leads somewhere."""
        present = {one.key for one in self.issues.values()}
        return present | {key for key in self.former if self.find(key) is not None}


class JiraModel:
    """The Jira at one address: several sites, of which one answers.

    ``moments`` holds the contents of the site that answers after every change, the newest last.
    """

    def __init__(self, bases: tuple[str, ...]) -> None:
        self.bases = bases
        self.base = bases[0]
        self.sites = dict.fromkeys(bases, Contents())
        self.moments: list[Contents] = [Contents()]
        self.began = 0
        """The place in ``moments`` since which this site answers."""
        self._numbers = itertools.count(10_000)
        self._states = itertools.count(1)
        self._last = now()

    @property
    def contents(self) -> Contents:
        """What the site that answers holds now."""
        return self.sites[self.base]

    def backup(self) -> Contents:
        """Everything the site holds."""
        return self.contents

    def create(self, key: str) -> Issue:
        """A new issue."""
        return self._put(Issue(str(next(self._numbers)), key, self._fields(key)))

    def edit(self, one: Issue) -> Issue:
        """Other values, and a later ``updated``."""
        return self._put(replace(one, fields=self._fields(one.key)))

    def move(self, one: Issue, key: str) -> Issue:
        """Another key; the old one goes on leading to it."""
        former = self.contents.former | {one.key: one.issue_id}
        self._store(replace(self.contents, former=former), record=False)
        return self._put(Issue(one.issue_id, key, self._fields(key)))

    def rename(self, one: Issue, key: str) -> None:
        """Another key by a new key of the project: ``updated`` stays, and no webhook tells."""
        former = self.contents.former | {one.key: one.issue_id}
        self._store(replace(self.contents, former=former), record=False)
        self._put(replace(one, key=key))

    def delete(self, one: Issue) -> None:
        """The issue is gone; its keys lead nowhere."""
        left = {k: v for k, v in self.contents.issues.items() if k != one.issue_id}
        self._store(replace(self.contents, issues=left))

    def restore(self, backup: Contents) -> None:
        """Back to the contents of a backup, with its ids, keys and ``updated``."""
        self._store(backup)

    def reimport(self, base: str, *, new_ids: bool) -> None:
        """The issues go on at ``base`` under their keys; ids change, and former keys are lost."""
        issues = [
            replace(one, issue_id=str(next(self._numbers))) if new_ids else one
            for one in self.contents.issues.values()
        ]
        self.base = base
        self.began = len(self.moments)
        self._store(Contents({one.issue_id: one for one in issues}))

    def swap_ids(self, base: str) -> None:
        """Another Jira answers, whose issues have the ids of this one, each on another key."""
        issues = list(self.contents.issues.values())
        ids = [one.issue_id for one in issues]
        rotated = [*ids[1:], *ids[:1]]
        made = [
            Issue(issue_id, one.key, self._fields(one.key))
            for issue_id, one in zip(rotated, issues, strict=True)
        ]
        self.base = base
        self.began = len(self.moments)
        self._store(Contents({one.issue_id: one for one in made}))

    def answer(self, base: str) -> None:
        """The site at ``base`` answers, as it was left."""
        self.base = base
        self.began = len(self.moments)
        self._store(self.contents)

    def possible(self, key: str, *, since: int) -> list[Values]:
        """What the key led to at any moment from ``moments[since]`` on."""
        found = (moment.find(key) for moment in self.moments[since:])
        return [one.values for one in found if one is not None]

    def _put(self, one: Issue) -> Issue:
        self._store(replace(self.contents, issues=self.contents.issues | {one.issue_id: one}))
        return one

    def _store(self, contents: Contents, *, record: bool = True) -> None:
        self.sites[self.base] = contents
        if record:
            self.moments.append(contents)

    def _fields(self, key: str) -> dict[str, Any]:
        number = next(self._states)
        self._last = max(now(), self._last + timedelta(milliseconds=1))
        made: dict[str, Any] = issue(
            key,
            updated=self._last,
            summary=f"State {number}",
            priority={"name": f"P{number % 3}"},
            labels=[f"l{number}"] if number % 2 else [],
        )["fields"]
        made[PART_NUMBER] = f"PN-{number}" if number % 4 else None
        return made
