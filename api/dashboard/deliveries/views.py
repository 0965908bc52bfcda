"""Webhook deliveries as operators look at them: the inbox, and one with its body."""

import json
from contextlib import suppress
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from api.dashboard.deliveries import words as delivery_words
from api.dashboard.kit.list_page import show_list, tabs
from api.dashboard.kit.list_request import ListParameters, ListRequest
from api.dashboard.kit.live import PART, show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime
from api.schemas.webhooks import DeliveryQuery
from shared.errors import NotFoundError
from shared.jobs import queries
from shared.jobs.queries import JobFilter
from shared.webhooks import health as webhook_health
from shared.webhooks import inbox
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryState

DELIVERIES = ListParameters("/deliveries", DeliveryQuery, since="receivedSince")
MOST_COUNTED = 10_000
"""A list says how many match up to here; what is done to all of them counts them all."""
SHOWN_BYTES = 200_000
"""Of a longer body the beginning is shown, as it came."""
_JOBS = 5

pages = Pages("delivery_pages", __name__)


@pages.page("/deliveries")
def delivery_list() -> Response:
    """The list."""
    listing = DELIVERIES.read()
    filters, before = listing.query.filters(), listing.query.cursor
    return show_list(
        "deliveries",
        listing,
        fetch=lambda s, limit: delivery_queries.page(s, filters, limit=limit, before=before),
        key=lambda row: row.id,
        context=lambda session, _rows: _context(session, listing),
    )


def _context(session: Session, listing: ListRequest[DeliveryQuery]) -> dict[str, Any]:
    matching = delivery_queries.count(session, listing.query.filters(), most=MOST_COUNTED + 1)
    return {
        "matching": matching.matched,
        "most": MOST_COUNTED,
        "hearing": webhook_health.hearing(session),
        "expected": webhook_health.expected(current_runtime().settings),
        "tabs": tabs(listing, "outcome", delivery_words.STATE),
        "events": [(name, name.removeprefix("jira:")) for name in delivery_queries.events(session)],
        "proofs": list(delivery_words.PROOF.items()),
        "tell": delivery_words,
    }


@pages.page("/deliveries/<delivery_id>")
def delivery_page(delivery_id: str) -> Response:
    """One delivery: its outcome, the reason for it, and its body."""
    return show_live("delivery", lambda session: _one(session, delivery_id))


def _one(session: Session, delivery_id: str) -> dict[str, Any]:
    row = delivery_queries.one(session, delivery_id)
    if row is None:
        raise NotFoundError(inbox.KIND, delivery_id)
    about = JobFilter(ticket_key=row.ticket_key)
    return {
        "delivery": row,
        "state": row.outcome or DeliveryState.WAITING.value,
        "jobs": queries.jobs_page(session, limit=_JOBS, filters=about) if row.ticket_key else [],
        "tell": delivery_words,
        "body": None if PART in request.headers else _body(session, delivery_id),
        "body_days": current_runtime().settings.delivery_body_days,
    }


def _body(session: Session, delivery_id: str) -> tuple[str, bool]:
    """The body for people, and whether that is all of it."""
    return pretty(delivery_queries.body(session, delivery_id, most=SHOWN_BYTES + 1) or b"")


def pretty(raw: bytes) -> tuple[str, bool]:
    """A body indented where it is JSON, else as it came; and whether that is all of it."""
    whole = len(raw) <= SHOWN_BYTES
    text = raw[:SHOWN_BYTES].decode("utf-8", "replace")
    if whole:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    # What JSON can say and UTF-8 cannot, and what a page must not hold.
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd"), whole
