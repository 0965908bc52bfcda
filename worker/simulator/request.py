"""What routes read from a request: its caller, and a JSON body with checked types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, cast

import orjson
from flask import Request, g, request

from worker.simulator.auth import LoginResult
from worker.simulator.errors import JiraRefusal
from worker.simulator.faults.rules import Fault
from worker.simulator.site.store import Store
from worker.simulator.site.tickets import Ticket

_BAD_PAYLOAD: Final = "Invalid request payload. Refer to the REST API documentation and try again."


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller, authenticated before the route runs, and the fault that applies."""

    login: LoginResult
    fault: Fault | None = None

    @property
    def known(self) -> bool:
        """Whether the credentials are valid."""
        return self.login is LoginResult.OK

    def mode(self) -> str | None:
        """The kind of the fault that applies, if any."""
        return self.fault.kind if self.fault is not None else None

    def visible_version(self, ticket: Ticket | None, store: Store) -> Ticket | None:
        """The version of the ticket that this caller sees, if any."""
        if ticket is None or not ticket.visible or not self.known:
            return None
        return store.before_last(ticket) if self.mode() == "stale" else ticket


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object whose members are read by name and type; a wrong type is Jira's 400."""

    members: Mapping[str, Any]

    @classmethod
    def of(cls, request: Request, *, known: frozenset[str]) -> Self:
        """The body of a request; members other than ``known`` are refused."""
        if request.mimetype != "application/json":
            raise JiraRefusal(415, ["Unsupported Media Type"])
        try:
            members = orjson.loads(request.get_data())
        except orjson.JSONDecodeError as error:
            raise JiraRefusal(400, ["There was an error parsing JSON."]) from error
        if not isinstance(members, dict) or set(members) - known:
            raise bad_payload()
        return cls(members)

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        found: str = self._typed(name, str, default)
        return found

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        found: int = self._typed(name, int, default)
        return found

    def strings(self, name: str) -> list[str]:
        """A list of strings, empty if absent."""
        found: list[str] = self._typed(name, list, [])
        if not all(isinstance(item, str) for item in found):
            raise bad_payload()
        return found

    def numbers(self, name: str) -> list[int]:
        """A list of whole numbers, empty if absent."""
        found: list[int] = self._typed(name, list, [])
        if not all(isinstance(item, int) for item in found):
            raise bad_payload()
        return found

    def _typed(self, name: str, kind: type, default: Any) -> Any:
        value = self.members.get(name, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise bad_payload()
        return value


def current_caller() -> Caller:
    """The caller of the current request."""
    return cast("Caller", g.caller)


def bad_payload() -> JiraRefusal:
    """The refusal of a body that does not fit the schema."""
    return JiraRefusal(400, [_BAD_PAYLOAD])


def parse_number(text: str | None, default: int) -> int:
    """A number from a query string; raises Jira's 400."""
    if text is None:
        return default
    if not text.isdecimal():
        raise JiraRefusal(400, [f"Invalid number '{text}'."])
    return int(text)


def json_body() -> Any:
    """The JSON body of the current request without any check; ``None`` if it is empty."""
    data = request.get_data()
    return orjson.loads(data) if data else None
