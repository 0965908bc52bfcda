"""Addresses of lists: their filters as they were sent, checked as the REST API checks its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import ValidationError

from api.dashboard.kit.task_addresses import WITHIN
from api.http.pagination import encode_cursor
from api.runtime import current_runtime
from api.schemas.fields import Query, invalid
from shared.clock import iso_millis
from shared.errors import InvalidInputError

Q = TypeVar("Q", bound=Query)

TIMES = tuple((value, title) for value, (title, _) in WITHIN.items())
"""What a list of moments can be narrowed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A list that was asked for; ``given`` are its filters as they were sent, empty ones left out.

    ``paged``: it is not its beginning that is shown.
    """

    path: str
    given: dict[str, str]
    paged: bool = False

    def address(self, *, path: str | None = None, **changes: str | None) -> str:
        """The same list with some of it changed, from its beginning; None leaves out."""
        kept = {**self.given, **changes}
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{path or self.path}?{query}" if query else path or self.path

    def after(self, key: str) -> str:
        """The next page: what comes behind the row with this sort key."""
        return self.address(cursor=encode_cursor(key))

    def kept(self, *shown: str) -> list[tuple[str, str]]:
        """Filters for hidden fields of a form that shows the others itself."""
        return [(name, value) for name, value in self.given.items() if name not in shown]


def asked(names: Sequence[str], *, path: str | None = None) -> ListRequest:
    """The filters that this request's address or form says. Raises InvalidInputError."""
    sent = request.values
    given = {name: value for name in names if (value := sent.get(name, "").strip())}
    if any("\0" in value for value in given.values()):
        raise InvalidInputError("An address must not contain NUL characters")
    if given.get("within", next(iter(WITHIN))) not in WITHIN:
        raise InvalidInputError(f"within must be one of {', '.join(WITHIN)}")
    return ListRequest(path=path or request.path, given=given, paged="cursor" in request.args)


def checked(kind: type[Q], wanted: ListRequest, *, since: str) -> Q:
    """The filters as the REST API's own query; ``since`` is what it calls their beginning.

    What is not understood is refused, not dropped. Raises InvalidInputError.
    """
    said = fixed(wanted, since=since)
    if cursor := request.args.get("cursor"):
        said["cursor"] = cursor
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        raise invalid(error) from None


def fixed(wanted: ListRequest, *, since: str) -> dict[str, str]:
    """The filters with the beginning of "the last hour" as it is now: it must not move on."""
    said = {name: value for name, value in wanted.given.items() if name != "within"}
    if "within" in wanted.given:
        said[since] = iso_millis(current_runtime().clock.now() - WITHIN[wanted.given["within"]][1])
    return said
