"""What a tasks page is asked for, as its address says it, in the words of the REST API."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from api.http.pagination import decode_cursor, encode_cursor
from shared.clock import iso_millis
from shared.errors import InvalidInputError
from shared.states import FailureCode, Source, TaskStatus
from shared.sync.queries import Place, Sort, TaskFilter

WITHIN: dict[str, tuple[str, timedelta]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
_FILTERS = ("status", "source", "errorCode", "q", "jobId", "ticketKey", "within", "since", "until")
_UNASKED = ("status", "jobId", "ticketKey", "since", "until")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A list that was asked for; ``given`` are its filters as they were sent."""

    wanted: TaskFilter
    sort: Sort
    after: Place | None
    given: dict[str, str]

    def address(self, path: str = "/tasks", **changes: str | None) -> str:
        """The same list with some of it changed, from its beginning; None leaves out."""
        kept = {**self.given, "sort": self.sort.value, **changes}
        if kept["sort"] == Sort.NEWEST.value:
            del kept["sort"]
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{path}?{query}" if query else path

    def kept(self) -> list[tuple[str, str]]:
        """What the form that narrows the list does not ask about, for its hidden fields."""
        hidden = [(name, self.given[name]) for name in _UNASKED if name in self.given]
        return hidden + [("sort", self.sort.value)] * (self.sort is not Sort.NEWEST)

    @property
    def narrowed(self) -> bool:
        """Whether more than the status is asked for."""
        return any(name != "status" for name in self.given)


def read(arguments: Mapping[str, str], *, now: datetime) -> ListRequest:
    """Raises InvalidInputError for anything odd: a filter that is not understood is not dropped,
    as what is done to all that match would then be done to more than was meant.
    """
    given = {name: value for name in _FILTERS if (value := arguments.get(name, "").strip())}
    if any("\0" in value for value in given.values()):
        raise InvalidInputError("An address must not contain NUL characters")
    sort = _one_of(Sort, "sort", arguments.get("sort") or Sort.NEWEST.value)
    cursor = arguments.get("cursor")
    return ListRequest(
        wanted=_filter(given, now=now),
        sort=sort,
        after=_place(cursor) if cursor else None,
        given=given,
    )


def _filter(given: Mapping[str, str], *, now: datetime) -> TaskFilter:
    statuses = given["status"].split(",") if "status" in given else []
    found = TaskFilter(
        statuses=tuple(_one_of(TaskStatus, "status", status) for status in statuses),
        source=_one_of(Source, "source", given["source"]) if "source" in given else None,
        error_code=_one_of(FailureCode, "errorCode", given["errorCode"])
        if "errorCode" in given
        else None,
        words=given.get("q"),
        job_id=given.get("jobId"),
        ticket_key=given["ticketKey"].upper() if "ticketKey" in given else None,
        since=_moment(given, "since"),
        until=_moment(given, "until"),
    )
    within = given.get("within")
    if within is None:
        return found
    if within not in WITHIN:
        raise InvalidInputError(f"within must be one of {', '.join(WITHIN)}")
    return replace(found, since=now - WITHIN[within][1])


def fixed(asked: ListRequest) -> dict[str, str]:
    """The filters with the beginning of "the last hour" as it is now: it must not move on."""
    kept = {name: value for name, value in asked.given.items() if name != "within"}
    if asked.wanted.since is not None:
        kept["since"] = iso_millis(asked.wanted.since)
    return kept


def _one_of(kind: type[E], name: str, value: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise InvalidInputError(f"{name} must be one of {', '.join(kind)}") from None


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        at = datetime.fromisoformat(given[name])
    except ValueError:
        raise InvalidInputError(f"{name} must be a moment like 2024-01-15T10:30:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def cursor(place: Place) -> str:
    """Where a page ends, for the address of the next."""
    return encode_cursor(f"{place.moment.isoformat()} {place.task_id}")


def _place(cursor: str) -> Place:
    try:
        moment, _, task_id = decode_cursor(cursor).partition(" ")
        return Place(datetime.fromisoformat(moment), task_id)
    except ValueError:
        raise InvalidInputError("cursor is none that this list gave out") from None
