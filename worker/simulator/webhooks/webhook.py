"""Registered webhooks, as an administrator creates them in Jira."""

import hashlib
import hmac
from base64 import b64encode
from itertools import count
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from pydantic import Field, PrivateAttr, field_validator

from worker.simulator.members import Members
from worker.simulator.search.jql import parse
from worker.simulator.search.match import QueryContext, compile_where
from worker.simulator.site.store import Change, Event, Store

_numbers: Final = count(1)
_UNSHOWN: Final = {"secret", "headers", "user", "password", "capitals"}


class Webhook(Members, strict=False):
    """One webhook; ``headers`` are sent unchanged, such as Automation's token header.

    ``user`` and ``password`` are sent by Basic authentication, and so are those in the url.
    ``capitals`` writes the signature's method and digits in capitals. ``duplicates`` and
    ``reorder`` are shares of its deliveries between 0 and 1.
    """

    url: str = Field(pattern="^http")
    secret: str | None = None
    capitals: bool = False
    user: str | None = None
    password: str = ""
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
        if event.epic_id is not None:
            return True  # the filter is for events of issues
        context = QueryContext(store=store, now_ms=store.now_ms(), zone=zone, strict=False)
        return compile_where(parse(self.jql).where, context)(event.ticket)

    def address(self, event: Event, *, cloud: bool) -> str:
        """The url without user and password, its variables replaced.

        They are ``{issue.key}``, … on Cloud and ``${issue.key}``, … on Data Center. What has the
        other product's form is sent as it stands, and so is every variable of a link event.
        """
        ticket = event.ticket
        variables = {
            "issue.key": ticket.key,
            "issue.id": str(ticket.id),
            "project.key": ticket.project.key,
            "project.id": str(ticket.project.id),
        }
        url = self._parts()._replace(netloc=self._parts().netloc.rpartition("@")[2]).geturl()
        for name, value in variables.items() if event.epic_id is None else ():
            url = url.replace(f"{{{name}}}" if cloud else f"${{{name}}}", quote(value))
        return url

    def request_headers(self, body: bytes) -> dict[str, str]:
        """The headers that prove the sender or the body, and the webhook's own."""
        made = dict(self.headers)
        if self.secret:
            signature = sign(body, self.secret)
            made["X-Hub-Signature"] = signature.upper() if self.capitals else signature
        if credentials := self._credentials():
            made["Authorization"] = f"Basic {b64encode(credentials.encode()).decode()}"
        return made

    def _credentials(self) -> str | None:
        if self.user is not None:
            return f"{self.user}:{self.password}"
        user, found, _ = self._parts().netloc.rpartition("@")
        return unquote(user) if found else None

    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    def to_json(self) -> dict[str, Any]:
        """The webhook without its secret."""
        shown = self.model_dump(mode="json", by_alias=True, exclude=_UNSHOWN)
        return shown | {"id": self.number, "isSigned": bool(self.secret)}


def sign(body: bytes, secret: str) -> str:
    """``X-Hub-Signature``: WebSub's ``method=signature`` over the raw body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"
