"""Requests for lists: their filters, checked by the query models of the REST API.

Every list of the dashboard, and every action on all rows that match a list, is read here, so that
page and API cannot differ in what a filter means.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict

from api.http.parameters import checked, single_values
from api.runtime import current_runtime
from api.schemas.cursors import encode_cursor
from api.schemas.fields import Query
from shared.clock import iso_millis
from shared.errors import InvalidInputError

Q = TypeVar("Q", bound=Query)

WITHIN = "within"
"""The one filter that pages have and the REST API has not: the last hour, day, …"""
PERIODS: dict[str, tuple[str, timedelta]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
_POSITION = ("sort", "cursor")
_LIMIT = "limit"  # pages have one size, and an action on all rows that match has no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest(Generic[Q]):
    """A request for a list.

    ``filters`` are as they were sent, without empty ones. ``absolute`` are the same with
    ``within`` replaced by the instant at which it begins. ``query`` is what the model made of
    them. ``paged``: this is not the first page.
    """

    path: str
    filters: dict[str, str]
    absolute: dict[str, str]
    query: Q
    sort: str | None
    paged: bool

    def address(self, **changes: str | None) -> str:
        """The first page of the same list with some parameters changed; None removes one."""
        parameters = {**self.filters, "sort": self.sort, **changes}
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"{self.path}?{query}" if query else self.path

    def page_after(self, key: str) -> str:
        """The page that follows the row with this sort key."""
        return self.address(cursor=encode_cursor(key))

    def hidden_fields(self, *shown: str) -> list[tuple[str, str]]:
        """Parameters for a form that has visible fields for the ones named in ``shown``."""
        kept = {**self.filters, "sort": self.sort}
        return [(name, value) for name, value in kept.items() if value and name not in shown]


@dataclass(frozen=True, slots=True)
class ListParameters(Generic[Q]):
    """The parameters of the list at ``path``: those of ``model``, and ``within``.

    ``since`` is the model's parameter that ``within`` sets.
    """

    path: str
    model: type[Q]
    since: str

    def read(self, *, besides: Collection[str] = ()) -> ListRequest[Q]:
        """What this request's address, or its form, asks for.

        ``besides`` names parameters that are not about the list. Raises InvalidInputError for
        everything that is not understood: if a filter were dropped, an action on all rows that
        match would change more than was meant.
        """
        sent = request.form if request.method == "POST" else request.args
        about_list = [pair for pair in sent.items(multi=True) if pair[0] not in besides]
        values = single_values(MultiDict(about_list))
        given = {name: text for name, value in values.items() if (text := value.strip())}
        if _LIMIT in given:
            raise InvalidInputError(f"{_LIMIT} is not a known parameter")
        position = {name: given.pop(name) for name in _POSITION if name in given}
        absolute = self._absolute(given)
        return ListRequest(
            path=self.path,
            filters=given,
            absolute=absolute,
            query=checked(self.model, {**position, **absolute}),
            sort=position.get("sort"),
            paged="cursor" in position,
        )

    def _absolute(self, filters: dict[str, str]) -> dict[str, str]:
        if WITHIN not in filters:
            return filters
        if filters[WITHIN] not in PERIODS:
            raise InvalidInputError(f"within must be one of {', '.join(PERIODS)}")
        _, length = PERIODS[filters[WITHIN]]
        begin = iso_millis(current_runtime().clock.now() - length)
        kept = {name: value for name, value in filters.items() if name != WITHIN}
        return {**kept, self.since: begin}
