"""Searches over an index that can lag, with pages by token (Cloud) or by offset (Data Center)."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self
from zlib import crc32

import orjson

from worker.simulator.search.jql import JqlError, Order, Query, parse
from worker.simulator.search.match import (
    ProjectCheck,
    QueryContext,
    compile_where,
    named_ids,
    order_key,
)
from worker.simulator.site.store import Store
from worker.simulator.site.tickets import Ticket

_CACHED: Final = 32
_BY_ID: Final = Order("id", descending=True)


class BadTokenError(ValueError):
    """A ``nextPageToken`` that this search did not return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search; relative dates count from ``now_ms``, which is the same for all its pages.

    ``strict`` refuses unknown keys. ``projects`` says which projects are refused.
    """

    jql: str
    now_ms: int
    lag_ms: int = 0
    strict: bool = True
    projects: ProjectCheck = ProjectCheck.HIDDEN
    reconcile: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Descending:
    """Reverses the order of a value."""

    value: Any

    def __lt__(self, other: Self) -> bool:
        return bool(other.value < self.value)


class SearchResult:
    """The tickets of a search in their order."""

    def __init__(self, tickets: list[Ticket], order: tuple[Order, ...]) -> None:
        self.tickets = tickets
        self._order = [(order_key(part), part.descending) for part in order]

    def place(self, ticket: Ticket) -> list[int | str]:
        """The values a ticket is ordered by; a token holds them."""
        return [key(ticket) for key, _ in self._order]

    def after(self, place: list[Any]) -> int:
        """The index of the first ticket after a place, whose ticket may be gone by now."""
        return bisect_right(self.tickets, self._rank(place), key=self._rank_of)

    def _rank_of(self, ticket: Ticket) -> tuple[Any, ...]:
        return self._rank(self.place(ticket))

    def _rank(self, place: list[Any]) -> tuple[Any, ...]:
        pairs = zip(place, self._order, strict=True)
        return tuple(_Descending(value) if down else value for value, (_, down) in pairs)


class SearchIndex:
    """Runs searches, and caches the last results until a ticket changes, for fast paging."""

    def __init__(self, store: Store, *, zone: str) -> None:
        self._store = store
        self._zone = zone
        # The revision of the store is part of the key.
        self._cached = lru_cache(_CACHED)(
            lambda search, bounded, _: self._find(search, bounded=bounded)
        )

    def run(self, search: Search, *, bounded: bool) -> SearchResult:
        """All visible tickets that match; raises ``JqlError``, also for an unbounded query."""
        if search.lag_ms:  # what the index knows then depends on the time too
            return self._find(search, bounded=bounded)
        return self._cached(search, bounded, self._store.revision)

    def _find(self, search: Search, *, bounded: bool) -> SearchResult:
        query = parse(search.jql)
        if bounded and not query.where:
            raise JqlError(
                "Unbounded JQL queries are not allowed here. "
                "Please add a search restriction to your query."
            )
        context = QueryContext(
            store=self._store,
            now_ms=search.now_ms,
            zone=self._zone,
            strict=search.strict,
            projects=search.projects,
        )
        order = _total(query)
        chosen = list(self._matching(query, context, search))
        for part in reversed(order):
            chosen.sort(key=order_key(part), reverse=part.descending)
        return SearchResult(chosen, order)

    def _matching(self, query: Query, context: QueryContext, search: Search) -> Iterable[Ticket]:
        test = compile_where(query.where, context)
        ids = named_ids(query.where, context)
        return (ticket for ticket in self._known(search, ids) if ticket.visible and test(ticket))

    def _known(self, search: Search, ids: frozenset[int] | None) -> Iterable[Ticket]:
        """Tickets as the index knows them, and the current version of those to reconcile."""
        if ids is not None and not search.lag_ms:
            return (t for one in sorted(ids) if (t := self._store.by_id(one)) is not None)
        known = {ticket.id: ticket for ticket in self._store.indexed(lag_ms=search.lag_ms)}
        for one in search.reconcile:
            ticket = self._store.by_id(one)
            if ticket is None:
                known.pop(one, None)
            else:
                known[one] = ticket
        return known.values()


def _total(query: Query) -> tuple[Order, ...]:
    """The order with the id at its end, so that each ticket has its own place."""
    if not query.order:
        return (_BY_ID,)
    return (*query.order, Order("id", descending=False))


def write_token(search: Search, place: list[int | str]) -> str:
    """An opaque token; it holds its place, so it never expires."""
    content = orjson.dumps([crc32(search.jql.encode()), search.now_ms, place])
    return base64.urlsafe_b64encode(content).decode()


def read_token(token: str, *, jql: str) -> tuple[int, list[Any]]:
    """The search's ``now_ms`` and the place to continue from; raises ``BadTokenError``."""
    try:
        check, now_ms, place = orjson.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadTokenError("nextPageToken is invalid") from error
    if check != crc32(jql.encode()) or not isinstance(now_ms, int) or not isinstance(place, list):
        raise BadTokenError("nextPageToken belongs to another search")
    return now_ms, place
