"""Scans of many projects, whose query may be too long where searches go by GET only.

Then several shorter scans are read side by side, so that their pages share one watermark.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from worker.jira.endpoints import Endpoints
from worker.jira.errors import SearchUnavailable
from worker.jira.port import ChangeQuery, Page

Scan = Callable[[ChangeQuery], Iterator[Page]]

_NAME = "projects of a scan"
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def scan_in_parts(query: ChangeQuery, *, scan: Scan, endpoints: Endpoints) -> Iterator[Page]:
    """The pages of ``scan``; if the query is refused, those of scans of fewer projects each.

    The number of projects that passed is remembered in ``endpoints``. Raises the JiraError of
    ``scan``: SearchUnavailable if a query of one project is refused too.
    """
    size = endpoints.longest(_NAME) or len(query.projects)
    pages = _begun(query, scan, size)
    if pages is None and _begun(query, scan, 1) is not None:
        while pages is None:
            size = (size + 1) // 2
            pages = _begun(query, scan, size)
        endpoints.passed(_NAME, size)
    yield from scan(query) if pages is None else pages


def _begun(query: ChangeQuery, scan: Scan, size: int) -> Iterator[Page] | None:
    """The scans of parts of at most ``size`` projects; None if the longest query is refused."""
    pages = side_by_side([scan(part) for part in _parts(query, size)])
    try:
        first = next(pages, None)
    except SearchUnavailable:
        return None
    return pages if first is None else chain([first], pages)


def _parts(query: ChangeQuery, size: int) -> list[ChangeQuery]:
    """The longest names, which make the longest query, are in the first part."""
    names = sorted(query.projects, key=len, reverse=True)
    if len(names) <= size:
        return [query]
    return [
        replace(query, projects=tuple(names[start : start + size]))
        for start in range(0, len(names), size)
    ]


def side_by_side(scans: Sequence[Iterator[Page]]) -> Iterator[Page]:
    """The pages of several scans, that of the one furthest behind first.

    A page's watermark is one up to which each scan has been read: None until all have begun.
    """
    left = dict(enumerate(scans))
    reached: dict[int, datetime | None] = dict.fromkeys(left)
    while left:
        behind = min(left, key=lambda number: reached[number] or _BEGINNING)
        page = next(left[behind], None)
        if page is None:
            del left[behind]
            continue
        reached[behind] = page.watermark or reached[behind]
        known = [moment for number in left if (moment := reached[number]) is not None]
        yield replace(page, watermark=min(known) if len(known) == len(left) else None)
