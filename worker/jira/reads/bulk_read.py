"""Read many tickets: in bulk, then singly those that the bulk answer did not contain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.clock import Clock
from shared.settings.issue_keys import KeyRules, is_safe_key, normal_key
from shared.states import FailureCode
from shared.tickets.ticket import Ticket
from worker.jira.errors import (
    CallRefused,
    JiraCredentialsRefused,
    JiraError,
    JiraScopeMissing,
    UnusableTicket,
)
from worker.jira.fields.tickets import is_issue_id
from worker.jira.port import BATCH, ReadResult, TicketProblem
from worker.jira.reads.reader import Bulk, Reader

_GONE = {404, 410}
_FORBIDDEN = 403
_OUTSIDE = TicketProblem(FailureCode.PROJECT_NOT_ALLOWED)

SINGLE_READS = 5
"""After an empty bulk read: more single reads than this need a check of the credentials first."""


@dataclass(slots=True)
class BulkRead:
    """One read of many tickets. ``verify`` raises JiraError unless the credentials are valid now.

    It is given the id of a ticket that was found, or None, to prove them by if need be.
    ``convert`` is given an issue's JSON and raises UnusableTicket, or JiraError.
    A ticket in a project that ``rules`` do not allow is refused: by its key before it is read, and
    after a move by the key that comes back.
    ``deadline`` is in seconds of ``clock.monotonic()``; no call starts after it.
    """

    clock: Clock
    reader: Reader
    convert: Callable[[object], Ticket]
    rules: KeyRules
    verify: Callable[[str | None], object]
    deadline: float
    found: dict[str, Ticket] = field(default_factory=dict)
    refused: dict[str, TicketProblem] = field(default_factory=dict)
    unconfirmed: dict[str, TicketProblem] = field(default_factory=dict)

    def read(self, keys: Sequence[str]) -> ReadResult:
        """Read all keys in batches of 100. Raises JiraError only if there is no result at all."""
        names, interrupted = self._names(keys), None
        try:
            for start in range(0, len(names), BATCH):
                if self._has_time():
                    self._batch(names[start : start + BATCH])
        except JiraError as error:
            if not (self.found or self.refused):
                raise
            interrupted = error
        return self._result(keys, interrupted)

    def _has_time(self) -> bool:
        return self.clock.monotonic() < self.deadline

    def _result(self, keys: Sequence[str], interrupted: JiraError | None) -> ReadResult:
        """The result by requested key; several keys may name the same ticket."""
        result = ReadResult(interrupted=interrupted)
        for key in keys:
            name = normal_key(key)
            if name in self.found:
                result.found[key] = self.found[name]
            elif name in self.refused:
                result.refused[key] = self.refused[name]
            else:
                result.unread.add(key)
        return result

    def _names(self, keys: Sequence[str]) -> list[str]:
        """Each key once, as Jira writes it; a text that cannot be a key is not requested."""
        names = list(dict.fromkeys(normal_key(key) for key in keys))
        odd = [name for name in names if not (is_safe_key(name) or is_issue_id(name))]
        problem = TicketProblem(FailureCode.TICKET_NOT_FOUND, "it does not have the form of a key")
        self.refused.update(dict.fromkeys(odd, problem))
        keys = [name for name in names if name not in self.refused and not is_issue_id(name)]
        self.refused.update({key: _OUTSIDE for key in keys if not self.rules.allows(key)})
        return [name for name in names if name not in self.refused]

    def _batch(self, names: list[str]) -> None:
        bulk = self.reader.bulk(names, deadline=self.deadline)
        self._match(bulk.issues, names=set(names))
        left = [name for name in names if name not in self.found and name not in self.refused]
        if len(left) == len(names) and len(left) > SINGLE_READS:
            # To an expired token Jira looks empty: find out with one call instead of a hundred.
            self._verify()
        for name in left:
            if not self._has_time():
                break
            self._single(name, bulk)
        self._confirm()
        if any(name in self.found or name in self.refused for name in names):
            self.reader.remember(bulk.refused)

    def _verify(self) -> None:
        self.verify(next((ticket.issue_id for ticket in self.found.values()), None))

    def _match(self, issues: list[Any], *, names: set[str]) -> None:
        """Match by id or key; a moved issue matches neither, and is read singly by its old key."""
        for raw in issues:
            known = raw if isinstance(raw, Mapping) else {}
            for name in {str(known.get("id", "")), normal_key(str(known.get("key", "")))} & names:
                self._take(name, raw)

    def _take(self, name: str, raw: object) -> None:
        try:
            ticket = self.convert(raw)
        except UnusableTicket as error:
            self.refused[name] = TicketProblem(FailureCode.UNUSABLE_TICKET, error.detail)
            return
        if self.rules.allows(ticket.key):
            self.found[name] = ticket
        else:
            self.refused[name] = _OUTSIDE

    def _single(self, name: str, bulk: Bulk) -> None:
        try:
            raw = self.reader.single(name, deadline=self.deadline, bulk=bulk)
        except JiraScopeMissing:
            raise
        except CallRefused as refusal:
            if refusal.status == _FORBIDDEN and bulk.refused and not (bulk.way or self.found):
                raise _all_forbidden(refusal) from None
            self.unconfirmed[name] = _problem(refusal)
        else:
            self._take(name, raw)

    def _confirm(self) -> None:
        """Accept missing and forbidden tickets once the credentials prove valid *afterwards*.

        If a call fails before that, no more calls are made, and these tickets count as unread.
        """
        if not self.unconfirmed:
            return
        self._verify()
        self.refused.update(self.unconfirmed)
        self.unconfirmed.clear()


def _all_forbidden(refusal: CallRefused) -> JiraCredentialsRefused:
    """Where bulk reads and a single one are refused alike, it is not about the ticket."""
    return JiraCredentialsRefused(
        f"our account may not read issues here: {refusal.message}", status=refusal.status
    )


def _problem(refusal: CallRefused) -> TicketProblem:
    if refusal.status in _GONE:
        return TicketProblem(FailureCode.TICKET_NOT_FOUND, refusal.message)
    if refusal.status == _FORBIDDEN:
        return TicketProblem(FailureCode.NO_PERMISSION, refusal.message)
    return TicketProblem(FailureCode.UNUSABLE_TICKET, refusal.message)
