"""A Ticket from the JSON of an issue, whether from a read, a search or a webhook."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.settings.issue_keys import is_safe_key, normal_key
from shared.tickets.ticket import Ticket
from worker.jira.errors import UnusableTicket
from worker.jira.fields.mapping import FieldMapping
from worker.jira.fields.readings import Reader
from worker.jira.fields.values import render

_SHOWN = 40
_ISSUE_ID = re.compile(r"[0-9]{1,20}")


def ticket_from_issue(raw: object, mapping: FieldMapping) -> Ticket:
    """The Ticket of an issue in v2 or v3 shape. Raises UnusableTicket if it is not an issue."""
    if not isinstance(raw, Mapping):
        raise UnusableTicket("it is not a JSON object")
    fields = raw.get("fields")
    if not isinstance(fields, Mapping):
        raise UnusableTicket("it has no fields")
    key = issue_key_of(raw)
    reader = Reader(fields, mapping, key=key)
    summary = reader.summary()
    quantity = reader.quantity()
    return Ticket(
        issue_id=issue_id_of(raw),
        key=key,
        updated_at=_moment(fields.get("updated")),
        summary=summary,
        part_number=reader.part_number(summary),
        priority=reader.priority(),
        epic_link=reader.epic_link(),
        labels=reader.labels(),
        quantity=quantity.value,
        quantity_unread=quantity.unread,
        status=render(fields.get("status")),
        done=_done(fields.get("status")),
        notes=tuple(reader.notes),
    )


def issue_id_of(raw: Mapping[str, Any]) -> str:
    """The issue's id, digits. Raises UnusableTicket."""
    value = raw.get("id")
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ISSUE_ID.fullmatch(text):
        raise UnusableTicket("it has no numeric id")
    return text


def issue_key_of(raw: Mapping[str, Any]) -> str:
    """The issue's current key, upper case, whatever the site's pattern. Raises UnusableTicket."""
    value = raw.get("key")
    given = value if isinstance(value, str) else ""
    text = normal_key(given)
    if not text:
        raise UnusableTicket("it has no key")
    if not is_safe_key(text):
        raise UnusableTicket(f"its key {given[:_SHOWN]!r} is no PROJECT-NUMBER")
    return text


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


def _done(status: object) -> bool:
    category = status.get("statusCategory") if isinstance(status, Mapping) else None
    return isinstance(category, Mapping) and category.get("key") == "done"
