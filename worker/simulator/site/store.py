"""The tickets of the simulated site: their versions, current and former keys, and listeners."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import RLock
from typing import Any, Final

from shared.clock import Clock
from worker.simulator.site.site import Project
from worker.simulator.site.tickets import Ticket

_VERSIONS_KEPT: Final = 16
_FIRST_ID: Final = 10000


class Change(StrEnum):
    """What happened to a ticket, under the name its webhook has."""

    CREATED = "jira:issue_created"
    UPDATED = "jira:issue_updated"
    DELETED = "jira:issue_deleted"
    LINKED = "issuelink_created"
    UNLINKED = "issuelink_deleted"


@dataclass(frozen=True, slots=True)
class Event:
    """A change with the version before it (none for a new ticket).

    ``epic_id`` is the other end of an issue link that was created or deleted.
    """

    change: Change
    ticket: Ticket
    before: Ticket | None = None
    epic_id: int | None = None


Listener = Callable[[Event], object]


class UnknownTicketError(LookupError):
    """No ticket has, or had, this id or key."""


class Store:
    """The versions of all tickets; writers take a lock, readers see complete versions."""

    def __init__(self, *, clock: Clock, projects: Iterable[Project]) -> None:
        self._clock = clock
        self._lock = RLock()
        self.projects = {project.key: replace(project) for project in projects}
        self._versions: dict[int, tuple[Ticket, ...]] = {}
        self._ids: dict[str, int] = {}
        self._numbers: dict[str, int] = dict.fromkeys(self.projects, 0)
        self._listeners: list[Listener] = []
        self._next_id = _FIRST_ID
        self.revision = 0

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` after every change, in the thread of the change."""
        self._listeners.append(listener)

    def now_ms(self) -> int:
        """The present time in epoch milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    def __len__(self) -> int:
        return len(self._versions)

    def current(self) -> Iterator[Ticket]:
        """The newest version of every ticket that is not deleted, in ascending id order."""
        for versions in list(self._versions.values()):
            if not versions[-1].deleted:
                yield versions[-1]

    def indexed(self, *, lag_ms: int) -> Iterator[Ticket]:
        """Every ticket as it is in a search index that lags by ``lag_ms``."""
        if not lag_ms:
            yield from self.current()
            return
        horizon = self.now_ms() - lag_ms
        for versions in list(self._versions.values()):
            known = next((v for v in reversed(versions) if v.committed_ms <= horizon), None)
            if known is not None and not known.deleted:
                yield known

    def find(self, id_or_key: str) -> Ticket | None:
        """The ticket with an id, or a current or former key; None once it is deleted."""
        text = id_or_key.strip()
        ticket_id = int(text) if text.isdecimal() else self._ids.get(text.upper())
        return None if ticket_id is None else self.by_id(ticket_id)

    def by_id(self, ticket_id: int) -> Ticket | None:
        """The newest version of the ticket with this id, unless it is deleted."""
        versions = self._versions.get(ticket_id)
        return None if not versions or versions[-1].deleted else versions[-1]

    def before_last(self, ticket: Ticket) -> Ticket:
        """The version before the newest one, which a stale read returns."""
        versions = self._versions[ticket.id]
        return versions[-2] if len(versions) > 1 else versions[-1]

    def get(self, id_or_key: str) -> Ticket:
        """As ``find``; raises ``UnknownTicketError``."""
        ticket = self.find(id_or_key)
        if ticket is None:
            raise UnknownTicketError(id_or_key)
        return ticket

    def add(
        self,
        *,
        project: str,
        fields: dict[str, Any],
        parent_id: int | None = None,
        created_ms: int | None = None,
        updated_ms: int | None = None,
        notify: bool = True,
    ) -> Ticket:
        """Create a ticket with the next number of its project."""
        with self._lock:
            now = self.now_ms()
            self._numbers[project] += 1
            self._next_id += 1
            ticket = Ticket(
                id=self._next_id,
                number=self._numbers[project],
                project=self.projects[project],
                created_ms=created_ms or now,
                updated_ms=updated_ms or created_ms or now,
                committed_ms=updated_ms or created_ms or now,
                fields=fields,
                parent_id=parent_id,
            )
            self._commit(ticket)
        self._notify(Event(Change.CREATED, ticket), wanted=notify)
        return ticket

    def edit(
        self,
        ticket_id: int,
        fields: dict[str, Any],
        *,
        parent_id: int | None = None,
        notify: bool = True,
    ) -> Ticket:
        """Set fields (``None`` unsets) and the parent; changes ``updated``, calls listeners."""
        with self._lock:
            before = self._live(ticket_id)
            merged = {k: v for k, v in (before.fields | fields).items() if v is not None}
            parent = parent_id or before.parent_id
            after = replace(before, fields=merged, parent_id=parent, **self._stamp(before))
            self._commit(after)
        self._notify(Event(Change.UPDATED, after, before), wanted=notify)
        return after

    def move(self, ticket_id: int, *, project: str) -> Ticket:
        """Move to another project, with its next number; the old key still resolves."""
        with self._lock:
            before = self._live(ticket_id)
            self._numbers[project] += 1
            number, target = self._numbers[project], self.projects[project]
            changed = self._stamp(before)
            after = replace(before, project=target, number=number, **changed)
            self._commit(after)
        self._notify(Event(Change.UPDATED, after, before), wanted=True)
        return after

    def delete(self, ticket_id: int) -> Ticket:
        """Delete the ticket; its id and number are not used again."""
        with self._lock:
            before = self._live(ticket_id)
            self._commit(replace(before, deleted=True, committed_ms=self.now_ms()))
        self._notify(Event(Change.DELETED, before, before), wanted=True)
        return before

    def hide(self, ticket_id: int, *, hidden: bool) -> Ticket:
        """Take away or restore the account's right to see it; ``updated`` does not change."""
        with self._lock:
            after = replace(self._live(ticket_id), hidden=hidden, committed_ms=self.now_ms())
            self._commit(after)
        return after

    def add_project(self, key: str, *, name: str) -> Project:
        """Create a project without tickets."""
        with self._lock:
            most = max(project.id for project in self.projects.values())
            self.projects[key] = project = Project(most + 1, key, name)
            self._numbers[key] = 0
            self.revision += 1
        return project

    def hide_project(self, key: str, *, hidden: bool) -> None:
        """Take away or restore the account's right to see a project; no ticket changes."""
        with self._lock:
            self.projects[key].hidden = hidden
            self.revision += 1

    def alias(self, key: str, ticket_id: int) -> None:
        """Add a former key, as of a ticket that was moved long ago."""
        self._ids[key] = ticket_id

    def _live(self, ticket_id: int) -> Ticket:
        ticket = self.by_id(ticket_id)
        if ticket is None:
            raise UnknownTicketError(str(ticket_id))
        return ticket

    def _stamp(self, before: Ticket) -> dict[str, Any]:
        # Two edits within a millisecond still have an order: ``updated`` is what clients compare.
        now = max(self.now_ms(), before.updated_ms + 1)
        return {"updated_ms": now, "committed_ms": now}

    def _commit(self, ticket: Ticket) -> None:
        self._ids[ticket.key] = ticket.id
        versions = self._versions.get(ticket.id, ())
        self._versions[ticket.id] = (*versions[-_VERSIONS_KEPT + 1 :], ticket)
        self.revision += 1

    def _notify(self, event: Event, *, wanted: bool) -> None:
        if not wanted:
            return
        for listener in self._listeners:
            listener(event)
