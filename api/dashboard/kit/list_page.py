"""List pages: one page of rows with filters, tabs, and links to the first and the next page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.kit.list_request import PERIODS, ListRequest
from api.dashboard.kit.live import show_live

PAGE_SIZE = 50

Row = TypeVar("Row")


class Tab(NamedTuple):
    """One tab above a list: a value of one filter, and how many rows have it, if counted."""

    title: str
    address: str
    rows: int | None
    current: bool


def show_list(
    name: str,
    listing: ListRequest[Any],
    *,
    fetch: Callable[[Session, int], Sequence[Row]],
    key: Callable[[Row], str],
    context: Callable[[Session, Sequence[Row]], dict[str, Any]],
) -> Response:
    """The page ``NAME.html``, whose rows are in ``NAME_live.html``.

    ``fetch(session, limit)`` reads up to so many rows after the cursor, ``key`` is a row's sort
    key, and ``context(session, rows)`` is what else the templates show.
    """

    def read(session: Session) -> dict[str, Any]:
        found = fetch(session, PAGE_SIZE + 1)
        rows = found[:PAGE_SIZE]
        return {
            "listing": listing,
            "filters": listing.filters,
            "periods": [(value, title) for value, (title, _) in PERIODS.items()],
            "rows": rows,
            "first": listing.address() if listing.paged else None,
            "next": listing.page_after(key(rows[-1])) if len(found) > PAGE_SIZE else None,
            **context(session, rows),
        }

    return show_live(name, read)


def tabs(
    listing: ListRequest[Any],
    parameter: str,
    titles: Mapping[str, str],
    *,
    counts: Mapping[Any, int] | None = None,
) -> list[Tab]:
    """ "All", and one tab for each value of a filter."""
    chosen = listing.filters.get(parameter)
    total = sum(counts.values()) if counts else None
    return [Tab("All", listing.address(**{parameter: None}), total, chosen is None)] + [
        Tab(
            title,
            listing.address(**{parameter: value}),
            counts[value] if counts else None,
            chosen == value,
        )
        for value, title in titles.items()
    ]
