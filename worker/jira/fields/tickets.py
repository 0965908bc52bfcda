"""A Ticket from the JSON of an issue, whether from a read, a search or a webhook."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.tickets.ticket import Ticket
from worker.jira.errors import UnusableTicket
from worker.jira.fields.mapping import FieldMapping
from worker.jira.fields.values import Quantity, clean, labels_of, quantity_of, render, render_rich

EPIC_LEVEL = 1
"""``hierarchyLevel`` of epics; stories are 0 and sub-tasks -1."""

_ISSUE_ID = re.compile(r"[0-9]{1,20}")
_ISSUE_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,254}-[1-9][0-9]*")


def ticket_from_issue(raw: object, mapping: FieldMapping) -> Ticket:
    """The Ticket of an issue in v2 or v3 shape. Raises UnusableTicket if it is not an issue."""
    if not isinstance(raw, Mapping):
        raise UnusableTicket("it is not a JSON object")
    fields = raw.get("fields")
    if not isinstance(fields, Mapping):
        raise UnusableTicket("it has no fields")
    summary = render(fields.get("summary"))
    quantity = _quantity(fields, mapping)
    return Ticket(
        issue_id=issue_id_of(raw),
        key=issue_key_of(raw),
        updated_at=_moment(fields.get("updated")),
        summary=summary,
        part_number=_part_number(fields, mapping, summary=summary),
        priority=render(fields.get("priority")),
        epic_link=_epic(fields, mapping),
        labels=labels_of(fields.get("labels")),
        quantity=quantity.value,
        quantity_note=quantity.note,
        status=render(fields.get("status")),
        done=_done(fields.get("status")),
    )


def issue_id_of(raw: Mapping[str, Any]) -> str:
    """The issue's id, digits. Raises UnusableTicket."""
    value = raw.get("id")
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ISSUE_ID.fullmatch(text):
        raise UnusableTicket("it has no numeric id")
    return text


def issue_key_of(raw: Mapping[str, Any]) -> str:
    """The issue's current key, upper case. Raises UnusableTicket."""
    value = raw.get("key")
    text = normal_key(value) if isinstance(value, str) else ""
    if not is_issue_key(text):
        raise UnusableTicket("it has no key")
    return text


def normal_key(text: str) -> str:
    """A key as Jira writes it."""
    return text.strip().upper()


def is_issue_key(text: str) -> bool:
    """Whether a trimmed, upper-case text has the form of an issue key (JIRA.md, section 8)."""
    return len(text) <= 255 and _ISSUE_KEY.fullmatch(text) is not None  # noqa: PLR2004  spec/API.md: texts


def is_issue_id(text: str) -> bool:
    """Whether the text has the form of an issue's numeric id."""
    return _ISSUE_ID.fullmatch(text) is not None


def _moment(value: object) -> datetime:
    """Jira writes ``2015-11-18T14:39:00.000+1100``, its offset without a colon."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UnusableTicket("its `updated` is not a point in time")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise UnusableTicket("its `updated` is not a point in time") from None


def _part_number(
    fields: Mapping[str, Any], mapping: FieldMapping, *, summary: str | None
) -> str | None:
    if mapping.part_number:
        return render_rich(fields.get(mapping.part_number))
    if mapping.part_number_pattern is None or summary is None:
        return None
    match = mapping.part_number_pattern.search(summary)
    if match is None:
        return None
    first = match.group(1) if match.re.groups else match.group()
    return clean(first) if first else None


def _quantity(fields: Mapping[str, Any], mapping: FieldMapping) -> Quantity:
    return quantity_of(fields.get(mapping.quantity)) if mapping.quantity else Quantity()


def _epic(fields: Mapping[str, Any], mapping: FieldMapping) -> str | None:
    """The parent if it is an epic (a sub-task's is its story), or else the epic link field."""
    parent = fields.get("parent")
    if isinstance(parent, Mapping) and _is_epic(parent):
        key = render(parent.get("key"))
        if key:
            return key
    return render(fields.get(mapping.epic_link)) if mapping.epic_link else None


def _is_epic(parent: Mapping[str, Any]) -> bool:
    fields = parent.get("fields")
    kind = fields.get("issuetype") if isinstance(fields, Mapping) else None
    if not isinstance(kind, Mapping):
        return False
    level = kind.get("hierarchyLevel")
    if isinstance(level, int):
        return level == EPIC_LEVEL
    return str(kind.get("name", "")).strip().casefold() == "epic"


def _done(status: object) -> bool:
    category = status.get("statusCategory") if isinstance(status, Mapping) else None
    return isinstance(category, Mapping) and category.get("key") == "done"
