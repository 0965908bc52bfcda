"""The payload of a webhook for a change (JIRA.md section 6), in API v2 form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from worker.simulator.defaults import FIELD_EPIC_LINK
from worker.simulator.site.fields import FIELDS
from worker.simulator.site.render import Renderer, Selection
from worker.simulator.site.store import Change, Event
from worker.simulator.site.tickets import Ticket

_ALL: Final = Selection.of(["*all"], default="*all")
_TYPE_NAMES: Final = {
    Change.CREATED: "issue_created",
    Change.UPDATED: "issue_generic",
    Change.DELETED: "issue_deleted",
}
_EPIC_LINK_TYPE: Final = {
    "id": 10200,
    "name": "Epic-Story Link",
    "outwardName": "has Epic",
    "inwardName": "is Epic of",
    "isSubTaskLinkType": False,
    "isSystemLinkType": True,
}
_change_ids: Final = count(10_500)
_link_ids: Final = count(10_900)


@dataclass(frozen=True, slots=True)
class PayloadRenderer:
    """Builds payloads with the renderer of reads, so that both agree."""

    renderer: Renderer
    actor: str = "mia"

    def payload(self, event: Event, *, at_ms: int) -> dict[str, Any]:
        """The JSON of one delivery; only updates have a changelog."""
        if event.epic_id is not None:
            return _link_payload(event, event.epic_id, at_ms=at_ms)
        issue = self.renderer.issue(event.ticket, _ALL, version="2")
        del issue["expand"]  # only reads have it
        made: dict[str, Any] = {
            "timestamp": at_ms,
            "webhookEvent": event.change.value,
            "issue_event_type_name": _type_name(event),
            "user": self.renderer.site.user(self.actor),
            "issue": issue,
        }
        if event.change is Change.UPDATED and event.before is not None:
            items = list(self._items(event.before, event.ticket))
            made["changelog"] = {"id": str(next(_change_ids)), "items": items}
        return made

    def announced(self, event: Event) -> Iterator[Event]:
        """The events that Jira sends for a change.

        Data Center announces the epic link of an edit as issue links, the deleted one first, and
        sends ``jira:issue_updated`` only for other fields (mattermost-plugin-jira#339).
        """
        links = list(self._epic_links(event.before, event.ticket))
        if not links or _others(event.before or event.ticket) != _others(event.ticket):
            yield event
        for change, epic in links:
            yield Event(change, event.ticket, event.before, epic.id)

    def _epic_links(self, before: Ticket | None, after: Ticket) -> Iterator[tuple[Change, Ticket]]:
        if self.renderer.site.cloud or before is None or after.is_subtask:
            return
        old, new = self.renderer.epic_link(before), self.renderer.epic_link(after)
        if old != new:
            for change, key in ((Change.UNLINKED, old), (Change.LINKED, new)):
                if key is not None and (epic := self.renderer.store.find(key)) is not None:
                    yield change, epic

    def _items(self, before: Ticket, after: Ticket) -> Iterator[dict[str, Any]]:
        if before.project != after.project:
            old, new = before.project, after.project
            ids = {"from": str(old.id), "to": str(new.id)}
            yield _item("project", ids | {"fromString": old.name, "toString": new.name})
            keys = {"from": None, "to": None}
            yield _item("Key", keys | {"fromString": before.key, "toString": after.key})
        if before.parent_id != after.parent_id:
            yield _item("parent", self._ends(before.parent_id, after.parent_id))
        for name in sorted(set(before.fields) | set(after.fields)):
            old_value, new_value = before.fields.get(name), after.fields.get(name)
            if old_value != new_value:
                yield _item(name, _change(old_value, new_value))

    def _ends(self, old: int | None, new: int | None) -> dict[str, str | None]:
        made: dict[str, str | None] = {}
        for end, ticket_id in (("from", old), ("to", new)):
            ticket = self.renderer.store.by_id(ticket_id) if ticket_id is not None else None
            made[end] = str(ticket_id) if ticket_id is not None else None
            made[f"{end}String"] = ticket.key if ticket is not None else None
        return made


def _link_payload(event: Event, epic_id: int, *, at_ms: int) -> dict[str, Any]:
    """An issue link names both issues by id alone, and has no ``issue`` (JIRA.md, pain 26)."""
    link = {
        "id": next(_link_ids),
        "sourceIssueId": epic_id,
        "destinationIssueId": event.ticket.id,
        "issueLinkType": _EPIC_LINK_TYPE,
        "systemLink": True,
    }
    return {"timestamp": at_ms, "webhookEvent": event.change.value, "issueLink": link}


def _type_name(event: Event) -> str:
    moved = event.before is not None and event.before.key != event.ticket.key
    return "issue_moved" if moved else _TYPE_NAMES[event.change]


def _others(ticket: Ticket) -> tuple[str, dict[str, Any]]:
    """What a change of the epic link leaves as it is."""
    fields = {name: value for name, value in ticket.fields.items() if name != FIELD_EPIC_LINK}
    return ticket.key, fields


def _item(name: str, change: Mapping[str, Any]) -> dict[str, Any]:
    field = FIELDS.get(name)
    shown = field.name if field is not None and field.custom else name
    kind = "custom" if field is not None and field.custom else "jira"
    made: dict[str, Any] = {"field": shown, "fieldtype": kind}
    if field is not None:
        made["fieldId"] = name
    return made | dict(change)


def _change(old: Any, new: Any) -> dict[str, Any]:
    shown = {"fromString": _shown(old), "toString": _shown(new)}
    return {"from": _raw(old), "to": _raw(new)} | shown


def _raw(value: Any) -> str | None:
    """The id of a value, if it has one."""
    if isinstance(value, Mapping):
        found = value.get("id") or value.get("accountId") or value.get("name")
        return str(found) if found is not None else None
    return None


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return str(value.get("name") or value.get("value") or value.get("displayName"))
    if isinstance(value, list):
        return " ".join(str(_shown(item)) for item in value)
    return str(value)
