"""Registered webhooks, as an administrator creates them in Jira."""

from itertools import count
from typing import Any, Final
from urllib.parse import quote

from pydantic import Field, PrivateAttr, field_validator

from worker.simulator.members import Members
from worker.simulator.search.jql import parse
from worker.simulator.search.match import QueryContext, compile_where
from worker.simulator.site.store import Change, Event, Store

_numbers: Final = count(1)


class Webhook(Members, strict=False):
    """One webhook; ``headers`` are sent unchanged, such as Automation's token header.

    ``duplicates`` and ``reorder`` are shares of its deliveries between 0 and 1.
    """

    url: str = Field(pattern="^http")
    secret: str | None = None
    name: str = "Routecard"
    jql: str = ""
    events: frozenset[Change] = frozenset(Change)
    exclude_body: bool = False
    headers: dict[str, str] = Field(default_factory=dict)
    duplicates: float = 0.0
    reorder: float = 0.0
    enabled: bool = True
    _number: int = PrivateAttr(default_factory=lambda: next(_numbers))

    @property
    def number(self) -> int:
        """Its id in Jira."""
        return self._number

    @field_validator("jql")
    @classmethod
    def _parsable(cls, jql: str) -> str:
        parse(jql)
        return jql

    def accepts(self, event: Event, *, store: Store, zone: str) -> bool:
        """Whether the event passes the list of events and the JQL filter now."""
        if not self.enabled or event.change not in self.events or not event.ticket.visible:
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
        shown = self.model_dump(mode="json", by_alias=True, exclude={"secret", "headers"})
        return shown | {"id": self.number, "isSigned": bool(self.secret)}
