"""Registered webhooks, as an administrator creates them in Jira."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Self
from urllib.parse import quote

from worker.simulator.search.jql import parse
from worker.simulator.search.match import QueryContext, compile_where
from worker.simulator.site.store import Change, Event, Store

_numbers: Final = count(1)
_MEMBERS: Final = frozenset(
    {"url", "secret", "name", "jql", "events", "excludeBody", "enabled"}
    | {"headers", "duplicates", "reorder"}
)


class InvalidWebhookError(ValueError):
    """An invalid webhook; the message names what is wrong."""


@dataclass(slots=True, kw_only=True)
class Webhook:
    """One webhook; ``headers`` are sent unchanged, such as Automation's token header.

    ``duplicates`` and ``reorder`` are shares of its deliveries between 0 and 1.
    """

    url: str
    secret: str = ""
    name: str = "Routecard"
    jql: str = ""
    events: frozenset[str] = frozenset(Change)
    exclude_body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    duplicates: float = 0.0
    reorder: float = 0.0
    enabled: bool = True
    number: int = field(default_factory=lambda: next(_numbers))

    @classmethod
    def of(cls, members: Any) -> Self:
        """From the JSON of ``POST /_sim/webhooks``; raises ``BadHookError``."""
        if not isinstance(members, dict) or not str(members.get("url", "")).startswith("http"):
            raise InvalidWebhookError("a webhook is an object with a url")
        if unknown := sorted(set(members) - _MEMBERS):
            raise InvalidWebhookError(f"unknown members {unknown}; known are {sorted(_MEMBERS)}")
        events = frozenset(members.get("events", Change))
        if unknown := sorted(events - frozenset(Change)):
            raise InvalidWebhookError(f"unknown events {unknown}")
        parse(members.get("jql", ""))
        return cls(
            url=members["url"],
            secret=members.get("secret") or "",
            name=members.get("name", "Routecard"),
            jql=members.get("jql", ""),
            events=events,
            exclude_body=bool(members.get("excludeBody", False)),
            headers={str(k): str(v) for k, v in members.get("headers", {}).items()},
            duplicates=float(members.get("duplicates", 0)),
            reorder=float(members.get("reorder", 0)),
            enabled=bool(members.get("enabled", True)),
        )

    def accepts(self, event: Event, *, store: Store, zone: str) -> bool:
        """Whether the event passes the list of events and the JQL filter now."""
        if not self.enabled or event.change.value not in self.events or not event.ticket.visible:
            return False
        context = QueryContext(store=store, now_ms=store.now_ms(), zone=zone, strict=False)
        return compile_where(parse(self.jql).where, context)(event.ticket)

    def address(self, event: Event) -> str:
        """The url with the variables ``{issue.key}``, ``{issue.id}``, … replaced."""
        ticket = event.ticket
        variables = {
            "{issue.key}": ticket.key,
            "{issue.id}": str(ticket.id),
            "{project.key}": ticket.project.key,
            "{project.id}": str(ticket.project.id),
        }
        url = self.url
        for name, value in variables.items():
            url = url.replace(name, quote(value))
        return url

    def to_json(self) -> dict[str, Any]:
        """The webhook without its secret."""
        return {
            "id": self.number,
            "name": self.name,
            "url": self.url,
            "isSigned": bool(self.secret),
            "events": sorted(self.events),
            "jql": self.jql,
            "excludeBody": self.exclude_body,
            "enabled": self.enabled,
            "duplicates": self.duplicates,
            "reorder": self.reorder,
        }
