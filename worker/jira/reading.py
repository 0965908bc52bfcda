"""One bulk read and its leftovers: who answers whom, what is missing, and what was not reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.states import FailureCode
from shared.tickets.ticket import Ticket
from worker.jira.errors import CallRefused, JiraError, UnusableTicket
from worker.jira.fields.mapping import FieldMapping
from worker.jira.fields.tickets import is_issue_id, is_issue_key, normal_key, ticket_from_issue
from worker.jira.port import BATCH, ReadResult, TicketProblem

_GONE = {404, 410}
_FORBIDDEN = 403

MANY = 5
"""Single reads after an empty bulk read that are worth a proof of the credentials beforehand."""


class Source(Protocol):
    """The calls a reading is made of; each may raise JiraError, ``one`` CallRefused too."""

    def many(self, names: Sequence[str]) -> list[Any]:
        """Up to 100 issues as JSON."""
        ...

    def one(self, name: str) -> Any:
        """A single issue as JSON."""
        ...

    def prove(self) -> None:
        """Raises where the credentials are not good now."""
        ...


def read_tickets(
    keys: Sequence[str], *, source: Source, mapping: FieldMapping, in_time: Callable[[], bool]
) -> ReadResult:
    """Read all keys in batches of 100. Raises JiraError only where nothing at all was learned."""
    reading = _Reading(keys=keys, source=source, mapping=mapping, in_time=in_time)
    try:
        reading.run()
    except JiraError as error:
        if not reading.learned:
            raise
        return reading.result(interrupted=error)
    return reading.result(interrupted=None)


@dataclass(slots=True)
class _Reading:
    keys: Sequence[str]
    source: Source
    mapping: FieldMapping
    in_time: Callable[[], bool]
    found: dict[str, Ticket] = field(default_factory=dict)
    refused: dict[str, TicketProblem] = field(default_factory=dict)
    suspects: dict[str, TicketProblem] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        return bool(self.found or self.refused)

    def run(self) -> None:
        names = self._names()
        for start in range(0, len(names), BATCH):
            if not self.in_time():
                return
            self._batch(names[start : start + BATCH])

    def result(self, *, interrupted: JiraError | None) -> ReadResult:
        """By the keys as requested, of which several may mean the same ticket."""
        result = ReadResult(interrupted=interrupted)
        for key in self.keys:
            name = normal_key(key)
            if name in self.found:
                result.found[key] = self.found[name]
            elif name in self.refused:
                result.refused[key] = self.refused[name]
            else:
                result.unread.add(key)
        return result

    def _names(self) -> list[str]:
        """Each key once, as Jira writes it; what has no key's form is never asked for."""
        names = list(dict.fromkeys(normal_key(key) for key in self.keys))
        odd = [name for name in names if not (is_issue_key(name) or is_issue_id(name))]
        problem = TicketProblem(FailureCode.TICKET_NOT_FOUND, "it has not the form of a key")
        self.refused.update(dict.fromkeys(odd, problem))
        return [name for name in names if name not in self.refused]

    def _batch(self, names: list[str]) -> None:
        self._match(self.source.many(names), asked=set(names))
        left = [name for name in names if name not in self.found and name not in self.refused]
        if len(left) == len(names) and len(left) > MANY:
            # An expired token may look like an empty Jira: ask that once, not a hundred times.
            self.source.prove()
        for name in left:
            if not self.in_time():
                break
            self._single(name)
        self._settle_suspects()

    def _match(self, issues: list[Any], *, asked: set[str]) -> None:
        """By id, else by key; an issue under neither name was moved, and is read by its old key."""
        for raw in issues:
            known = raw if isinstance(raw, Mapping) else {}
            for name in {str(known.get("id", "")), normal_key(str(known.get("key", "")))} & asked:
                self._take(name, raw)

    def _take(self, name: str, raw: object) -> None:
        try:
            self.found[name] = ticket_from_issue(raw, self.mapping)
        except UnusableTicket as error:
            self.refused[name] = TicketProblem(FailureCode.UNUSABLE_TICKET, error.detail)

    def _single(self, name: str) -> None:
        try:
            raw = self.source.one(name)
        except CallRefused as refusal:
            self.suspects[name] = _problem(refusal)
        else:
            self._take(name, raw)

    def _settle_suspects(self) -> None:
        """Missing and forbidden tickets are believed once the credentials prove good *after*.

        Where a call failed meanwhile nobody proves anything, since Jira is not to be asked now:
        the suspects count as unread.
        """
        if not self.suspects:
            return
        self.source.prove()
        self.refused.update(self.suspects)
        self.suspects.clear()


def _problem(refusal: CallRefused) -> TicketProblem:
    if refusal.status in _GONE:
        return TicketProblem(FailureCode.TICKET_NOT_FOUND, refusal.message)
    if refusal.status == _FORBIDDEN:
        return TicketProblem(FailureCode.NO_PERMISSION, refusal.message)
    return TicketProblem(FailureCode.UNUSABLE_TICKET, refusal.message)
