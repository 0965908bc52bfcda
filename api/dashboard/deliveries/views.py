"""Webhook deliveries as operators look at them: the inbox, and one with its body."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from api.dashboard.deliveries import words as delivery_words
from api.dashboard.kit import list_request
from api.dashboard.kit.list_request import TIMES, ListRequest
from api.dashboard.kit.live import PART, show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime, transaction
from api.schemas.webhooks import DeliveryQuery
from shared.database.freshness import Topic
from shared.errors import NotFoundError
from shared.jobs import queries
from shared.jobs.queries import JobFilter
from shared.webhooks import health as webhook_health
from shared.webhooks import inbox
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryFilter, DeliveryState

PAGE = 50
FILTERS = (
    "outcome",
    "q",
    "event",
    "ticketKey",
    "signed",
    "within",
    "receivedSince",
    "receivedUntil",
)
MOST_COUNTED = 10_000
"""A list says how many match up to here; what is done to all of them counts them all."""
SHOWN_BYTES = 200_000
"""Of a longer body the beginning is shown, as it came."""
_JOBS = 5

pages = Pages("delivery_pages", __name__)


@pages.page("/deliveries")
def all_deliveries() -> Response:
    """The inbox."""
    asked = list_request.asked(FILTERS)
    query = list_request.checked(DeliveryQuery, asked, since="receivedSince")
    only, before = query.only(), query.cursor
    return show_live(
        "deliveries",
        Topic.DELIVERIES,
        read=lambda session: _list(session, asked, only, before),
        asked=asked,
    )


def _list(
    session: Session, asked: ListRequest, only: DeliveryFilter, before: str | None
) -> dict[str, Any]:
    found = delivery_queries.page(session, only, limit=PAGE + 1, before=before)
    rows, more = found[:PAGE], len(found) > PAGE
    matching = delivery_queries.count(session, only, most=MOST_COUNTED + 1)
    return {
        "rows": rows,
        "matching": matching.matched,
        "most": MOST_COUNTED,
        "hearing": webhook_health.hearing(session),
        "expected": webhook_health.expected(current_runtime().settings),
        "next": asked.after(rows[-1].id) if more else None,
        "first": asked.address() if asked.paged else None,
        "tabs": list(_tabs(asked)),
        "events": [(name, name.removeprefix("jira:")) for name in delivery_queries.events(session)],
        "proofs": list(delivery_words.PROOF.items()),
        "times": TIMES,
        "tell": delivery_words,
    }


def _tabs(asked: ListRequest) -> Iterator[tuple[str, str, int | None, bool]]:
    chosen = asked.given.get("outcome")
    yield "All", asked.address(outcome=None), None, chosen is None
    for state in DeliveryState:
        title = delivery_words.STATE[state]
        yield title, asked.address(outcome=state.value), None, chosen == state.value


@pages.page("/deliveries/<delivery_id>")
def one_delivery(delivery_id: str) -> Response:
    """One delivery: what became of it and why, and its body."""
    return show_live(
        "delivery",
        Topic.DELIVERIES,
        read=lambda session: _one(session, delivery_id),
        body=None if PART in request.headers else _body(delivery_id),
    )


def _one(session: Session, delivery_id: str) -> dict[str, Any]:
    row = delivery_queries.one(session, delivery_id)
    if row is None:
        raise NotFoundError(inbox.KIND, delivery_id)
    about = JobFilter(ticket_key=row.ticket_key)
    return {
        "delivery": row,
        "state": row.outcome or DeliveryState.WAITING.value,
        "jobs": queries.jobs_page(session, limit=_JOBS, only=about) if row.ticket_key else [],
        "tell": delivery_words,
        "body_days": current_runtime().settings.delivery_body_days,
    }


def _body(delivery_id: str) -> tuple[str, bool]:
    """The body for people, and whether that is all of it."""
    with transaction() as session:
        raw = delivery_queries.body(session, delivery_id, most=SHOWN_BYTES + 1) or b""
    return pretty(raw)


def pretty(raw: bytes) -> tuple[str, bool]:
    """A body indented where it is JSON, else as it came; and whether that is all of it."""
    whole = len(raw) <= SHOWN_BYTES
    text = raw[:SHOWN_BYTES].decode("utf-8", "replace")
    if whole:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    # What JSON can say and UTF-8 cannot, and what a page must not hold.
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd"), whole
