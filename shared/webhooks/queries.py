"""Reads of webhook deliveries: one, lists by page, and how many a filter matches."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.filtering import distinct_values, plan_for_these_values
from shared.errors import Kind, NotFoundError
from shared.models import Delivery
from shared.settings.issue_keys import normal_key
from shared.states import DeliveryOutcome


class DeliveryState(StrEnum):
    """What a list can be filtered by: an outcome, or that there is none yet."""

    WAITING = "waiting"
    FILLED = DeliveryOutcome.FILLED.value
    NOTED = DeliveryOutcome.NOTED.value
    UNLINKED = DeliveryOutcome.UNLINKED.value
    STALE = DeliveryOutcome.STALE.value
    IGNORED = DeliveryOutcome.IGNORED.value
    FAILED = DeliveryOutcome.FAILED.value


class DeliveryRow(NamedTuple):
    """A delivery without its body; ``body_kept``: the body is still stored.

    ``identifier`` is Jira's own, else ours.
    """

    id: str
    identifier: str
    signed: bool
    event: str | None
    ticket_key: str | None
    issue_id: str | None
    retry: int | None
    flow: str | None
    body_size: int
    duplicates: int
    outcome: str | None
    reason: str | None
    tries: int
    due_at: datetime
    received_at: datetime
    applied_at: datetime | None
    request_id: str | None
    body_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """The filters of a list; None does not filter.

    ``words`` is a whole id, identifier or ticket key. ``since`` is inclusive, ``until`` exclusive.
    ``ids`` are those an operator picked. ``replayable``: applied before, and the body is kept.
    """

    ids: tuple[str, ...] | None = None
    words: str | None = None
    outcome: DeliveryState | None = None
    event: str | None = None
    ticket_key: str | None = None
    signed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    replayable: Literal[True] | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """How many deliveries a filter matches, and those that cannot be replayed, by cause."""

    matched: int
    waiting: int
    bodiless: int

    @property
    def replayable(self) -> int:
        """How many can be applied again."""
        return self.matched - self.waiting - self.bodiless


_COMPUTED = {
    "body_kept": "d.body IS NOT NULL AS body_kept",
    "identifier": "COALESCE(d.jira_identifier, d.identifier) AS identifier",
}
_COLUMNS = ", ".join(_COMPUTED.get(name, f"d.{name}") for name in DeliveryRow._fields)
_ONE = text(f"SELECT {_COLUMNS} FROM webhook_deliveries d WHERE d.id = :id")  # noqa: S608  constants
_BODY = text("SELECT substr(body, 1, :most) FROM webhook_deliveries WHERE id = :id")
_ALL = 2**31 - 1
_COUNTS = (
    "count(*), count(*) FILTER (WHERE d.outcome IS NULL), "
    "count(*) FILTER (WHERE d.outcome IS NOT NULL AND d.bodiless)"
)
_CLAUSES = {
    "ids": "d.id = ANY(:ids)",
    "words": (
        "(d.id = :words OR d.identifier = :words OR d.jira_identifier = :words "
        "OR d.ticket_key = :words_key)"
    ),
    "outcome": "d.outcome = :outcome",
    "event": "d.event = :event",
    "ticket_key": "d.ticket_key = :ticket_key",
    "signed": "d.signed = :signed",
    "since": "d.received_at >= :since",
    "until": "d.received_at < :until",
    "replayable": "d.outcome IS NOT NULL AND d.body IS NOT NULL",
}


def get(session: Session, delivery_id: str) -> DeliveryRow:
    """One delivery. Raises NotFoundError."""
    row = session.execute(_ONE, {"id": delivery_id}).one_or_none()
    if row is None:
        raise NotFoundError(Kind.DELIVERY, delivery_id)
    return DeliveryRow._make(row)


def body(session: Session, delivery_id: str, *, most: int = _ALL) -> bytes | None:
    """Its body as received, at most ``most`` bytes; None once its retention is over."""
    found: bytes | None = session.scalar(_BODY, {"id": delivery_id, "most": most})
    return found


def page(
    session: Session, filters: DeliveryFilter, *, limit: int, before: str | None = None
) -> list[DeliveryRow]:
    """Up to ``limit`` deliveries, newest first, older than the one whose id is ``before``."""
    where, values = _where(filters, before)
    plan_for_these_values(session)
    statement = (
        f"SELECT {_COLUMNS} FROM webhook_deliveries d WHERE {where} "  # noqa: S608  constants alone
        "ORDER BY d.id DESC LIMIT :limit"
    )
    rows = session.execute(text(statement), {**values, "limit": limit})
    return [DeliveryRow._make(row) for row in rows]


def replayable(
    session: Session, filters: DeliveryFilter, *, after: str, upto: str, limit: int
) -> list[str]:
    """Ids of matching deliveries that can be replayed, oldest first, ``after`` excluded."""
    where, values = _where(replace(filters, replayable=True), None)
    plan_for_these_values(session)
    statement = (
        f"SELECT d.id FROM webhook_deliveries d WHERE {where} "  # noqa: S608  constants alone
        "AND d.id > :after AND d.id <= :upto ORDER BY d.id LIMIT :limit"
    )
    place = {"after": after, "upto": upto, "limit": limit}
    return list(session.scalars(text(statement), {**values, **place}))


def count(session: Session, filters: DeliveryFilter, *, most: int | None = None) -> Matching:
    """How many deliveries match; with ``most``, counted no further than that."""
    where, values = _where(filters, None)
    plan_for_these_values(session)
    statement = (
        f"SELECT {_COUNTS} FROM (SELECT d.outcome, d.body IS NULL AS bodiless "  # noqa: S608  constants alone
        f"FROM webhook_deliveries d WHERE {where} LIMIT :most) d"
    )
    return Matching(*session.execute(text(statement), {**values, "most": most}).one())


def events(session: Session, *, most: int = 50) -> list[str]:
    """The names of events that were received, in alphabetical order."""
    return distinct_values(session, Delivery.event, most=most)


def _where(filters: DeliveryFilter, before: str | None) -> tuple[str, dict[str, Any]]:
    values = {name: value for name in _CLAUSES if (value := getattr(filters, name)) is not None}
    clauses = [_CLAUSES[name] for name in values]
    if filters.words is not None:
        values["words_key"] = normal_key(filters.words)
    if values.get("outcome") is DeliveryState.WAITING:
        clauses[list(values).index("outcome")] = "d.outcome IS NULL"
        del values["outcome"]
    if filters.ids is not None:
        values["ids"] = list(filters.ids)
    if before is not None:
        clauses.append("d.id < :before")
        values["before"] = before
    return " AND ".join(clauses) or "true", values
