"""Tickets as issue JSON: the selected fields, in the form of each API version."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from worker.simulator.defaults import FIELD_EPIC_LINK
from worker.simulator.site.adf import to_adf
from worker.simulator.site.fields import FIELDS, NAVIGABLE, TEXTAREAS, FieldDef
from worker.simulator.site.site import Site
from worker.simulator.site.store import Store
from worker.simulator.site.tickets import Ticket

EXPAND: Final = "operations,versionedRepresentations,editmeta,changelog,renderedFields"
_EXPANSIONS: Final[dict[str, Callable[[FieldDef], Any]]] = {
    "names": lambda field: field.name,
    "schema": lambda field: field.schema,
}
_COMPUTED: Final = frozenset({"project", "parent", "created", "updated", FIELD_EPIC_LINK})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which fields to send; ``bare`` is set for a search that asks only for ids or keys."""

    fields: tuple[str, ...]
    bare: frozenset[str] | None = None

    @classmethod
    def of(cls, names: Sequence[str], *, default: str) -> "Selection":
        """From a ``fields`` parameter: names, ``*all``, ``*navigable`` and ``-name``."""
        wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
        wanted = wanted or [default]
        if all(name in ("id", "key") for name in wanted):
            return cls((), frozenset(wanted))
        chosen = set(FIELDS) if "*all" in wanted else set()
        if "*navigable" in wanted or all(name.startswith("-") for name in wanted):
            chosen |= NAVIGABLE
        chosen |= {name for name in wanted if name in FIELDS}
        chosen -= {name[1:] for name in wanted if name.startswith("-")}
        return cls(tuple(field for field in FIELDS if field in chosen))


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders versions of tickets as issue JSON."""

    site: Site
    store: Store

    def issue(
        self, ticket: Ticket, selection: Selection, *, version: str, expand: Iterable[str] = ()
    ) -> dict[str, Any]:
        """``IssueBean`` of the OpenAPI document; ``version`` is the API version in the path."""
        if selection.bare is not None:
            return self._bare(ticket, selection.bare)
        made: dict[str, Any] = {
            "expand": EXPAND,
            "id": str(ticket.id),
            "self": f"{self.site.base_url}/rest/api/{version}/issue/{ticket.id}",
            "key": ticket.key,
            "fields": self.fields(ticket, selection, rich=version == "3"),
        }
        return made | expansions(made["fields"], expand)

    def fields(self, ticket: Ticket, selection: Selection, *, rich: bool) -> dict[str, Any]:
        """The selected fields; a team-managed project omits those that are not set."""
        stored, shown = ticket.fields, {}
        for name in selection.fields:
            if self._is_of_other_project(ticket, name):
                continue
            value = self._computed(ticket, name) if name in _COMPUTED else stored.get(name)
            if value is None:
                if ticket.project.team_managed or name == "parent":
                    continue
            elif rich and name in TEXTAREAS:
                value = to_adf(value)
            shown[name] = value
        return shown

    def _is_of_other_project(self, ticket: Ticket, name: str) -> bool:
        """Whether the field belongs to a team-managed project that is not the ticket's."""
        return self.site.cloud and FIELDS[name].project not in (None, ticket.project.key)

    def timestamp(self, moment_ms: int) -> str:
        """In the account's time zone, offset without a colon: ``2015-11-18T14:39:00.000+1100``."""
        return _timestamp(moment_ms, self.site.time_zone)

    def _bare(self, ticket: Ticket, wanted: frozenset[str]) -> dict[str, Any]:
        made = {"id": str(ticket.id)}
        if "key" in wanted:
            made["key"] = ticket.key
            made["self"] = self.site.link(f"issue/{ticket.id}")
        return made

    def _computed(self, ticket: Ticket, name: str) -> Any:
        match name:
            case "project":
                return self.site.project(ticket.project)
            case "created":
                return self.timestamp(ticket.created_ms)
            case "updated":
                return self.timestamp(ticket.updated_ms)
            case "parent":
                return self._parent(ticket)
            case _:
                return self.epic_link(ticket)

    def epic_link(self, ticket: Ticket) -> str | None:
        """The key of the ticket's epic, as its epic-link field has it."""
        if key := ticket.fields.get(FIELD_EPIC_LINK):
            return str(key)
        parent = self.store.by_id(ticket.parent_id) if ticket.parent_id else None
        return parent.key if parent is not None and parent.is_epic else None

    def _parent(self, ticket: Ticket) -> dict[str, Any] | None:
        """On Data Center only a sub-task has a parent (JIRA.md section 3)."""
        if ticket.parent_id is None or not (self.site.cloud or ticket.is_subtask):
            return None
        parent = self.store.by_id(ticket.parent_id)
        if parent is None:
            return None
        shown = ("summary", "status", "priority", "issuetype")
        return {
            "id": str(parent.id),
            "key": parent.key,
            "self": self.site.link(f"issue/{parent.id}"),
            "fields": {name: parent.fields[name] for name in shown if name in parent.fields},
        }


def expansions(names: Iterable[str], expand: Iterable[str]) -> dict[str, Any]:
    """What ``expand`` adds about these fields: in an issue, or beside the issues of a search."""
    return {
        part: {name: _EXPANSIONS[part](FIELDS[name]) for name in names}
        for part in expand
        if part in _EXPANSIONS
    }


@lru_cache(maxsize=200_000)
def _timestamp(moment_ms: int, zone: str) -> str:
    moment = datetime.fromtimestamp(moment_ms // 1000, UTC).astimezone(ZoneInfo(zone))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment_ms % 1000:03d}{moment:%z}"
