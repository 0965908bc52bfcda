"""Parsing of webhook bodies, of any shape. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from shared.settings.issue_keys import is_safe_key, normal_key
from worker.jira.fields.tickets import is_issue_id
from worker.jira.json_text import parse_json

_MAX_NAME = 100


class Event(StrEnum):
    """The events that say something about a ticket's fields."""

    CREATED = "jira:issue_created"
    UPDATED = "jira:issue_updated"
    DELETED = "jira:issue_deleted"


class UnreadableBodyError(ValueError):
    """The body is no JSON object; the message says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a body says. ``written_at`` is its own timestamp, ``name`` its ``webhookEvent``.

    ``event`` is None for an event that we do not use. ``issue`` is raw, for ``ticket_from_issue``.
    ``former_keys`` are the keys the ticket had before a move, ``moved_from`` those of them that
    its own changelog says became the present key. ``address`` is the issue's ``self``.
    ``other_ids``: an issue link names two tickets by id alone, and ``issue_id`` is the one it
    leads to.
    """

    name: str | None = None
    event: Event | None = None
    written_at: datetime | None = None
    key: str | None = None
    issue_id: str | None = None
    issue: Mapping[str, Any] | None = None
    former_keys: tuple[str, ...] = ()
    other_ids: tuple[str, ...] = ()
    moved_from: tuple[str, ...] = ()
    address: str | None = None


def read_payload(body: bytes) -> Payload:
    """Parse a body. Raises UnreadableBodyError. Members of a wrong type count as absent.

    Jira's own body has an ``issue``. Automation's body may be the issue itself, or custom data
    that names the ticket as ``key`` or ``issueKey``.
    """
    content = _parse_object(body)
    name = content.get("webhookEvent")
    issue = content.get("issue")
    subject = issue if isinstance(issue, Mapping) else content
    source, destination = _link_ends(content.get("issueLink"))
    key = _key(subject.get("key")) or _key(content.get("issueKey"))
    moves = list(_moves(content.get("changelog")))
    address = subject.get("self")
    return Payload(
        name=_printable(name) if isinstance(name, str) else None,
        event=_event(name),
        written_at=_moment(content.get("timestamp")),
        key=key,
        issue_id=_id(subject.get("id")) or _id(content.get("issueId")) or destination or source,
        issue=subject if isinstance(subject.get("fields"), Mapping) else None,
        former_keys=tuple(former for former, _ in moves),
        other_ids=(source,) if source and destination else (),
        moved_from=tuple(former for former, later in moves if later == key),
        address=address if isinstance(address, str) else None,
    )


def _parse_object(body: bytes) -> Mapping[str, Any]:
    if not body.strip():
        raise UnreadableBodyError("The body is empty.")
    try:
        content = parse_json(body)
    except ValueError as error:
        raise UnreadableBodyError(f"The body is not JSON: {error}.") from None
    if not isinstance(content, Mapping):
        raise UnreadableBodyError("The body is JSON, but no object.")
    return content


def _event(name: object) -> Event | None:
    try:
        return Event(str(name))
    except ValueError:
        return None


def _printable(name: str) -> str:
    return "".join(c for c in name[:_MAX_NAME] if c.isprintable())


def _key(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    key = normal_key(value)
    return key if is_safe_key(key) else None


def _id(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if is_issue_id(text) else None


def _link_ends(link: object) -> tuple[str | None, str | None]:
    """The ids of both ends of an ``issueLink``; an epic is the source (JIRA.md, pain 26)."""
    if not isinstance(link, Mapping):
        return None, None
    return _id(link.get("sourceIssueId")), _id(link.get("destinationIssueId"))


def _moment(value: object) -> datetime | None:
    """Epoch milliseconds (JIRA.md, section 6)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _moves(changelog: object) -> Iterator[tuple[str, str | None]]:
    """Old and new key of a move: changelog items of the field ``Key`` (JIRA.md, section 6)."""
    items = changelog.get("items") if isinstance(changelog, Mapping) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and item.get("field") == "Key":
            former = _key(item.get("fromString"))
            if former is not None:
                yield former, _key(item.get("toString"))
