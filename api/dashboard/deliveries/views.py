"""The pages of webhook deliveries: the list, and one delivery with its body."""

import json
from contextlib import suppress
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from api.dashboard.deliveries import labels as delivery_labels
from api.dashboard.kit.list_page import show_list, tabs
from api.dashboard.kit.list_request import ListParameters, ListRequest
from api.dashboard.kit.live import PART, show_live
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime
from api.schemas.webhooks import DeliveryQuery
from shared.jobs import queries
from shared.jobs.queries import JobFilter
from shared.tickets import sites
from shared.webhooks import health as webhook_health
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryState

DELIVERIES = ListParameters("/deliveries", DeliveryQuery, since="receivedSince")
MOST_COUNTED = 10_000
"""A list counts the matching deliveries up to this number."""
SHOWN_BYTES = 200_000
"""Of a longer body only the beginning is shown."""
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
    settings = current_runtime().settings
    site_id = sites.current_id(session, settings)
    return {
        "matching": matching.matched,
        "most": MOST_COUNTED,
        "webhooks": webhook_health.webhook_health(session, site_id=site_id),
        "expected": webhook_health.expected(settings),
        "tabs": tabs(listing, "outcome", delivery_labels.STATE),
        "events": [(name, name.removeprefix("jira:")) for name in delivery_queries.events(session)],
        "proofs": list(delivery_labels.PROOF.items()),
        "delivery_labels": delivery_labels,
    }


@pages.page("/deliveries/<delivery_id>")
def delivery_page(delivery_id: str) -> Response:
    """One delivery: its outcome, the reason for it, and its body."""
    return show_live("delivery", lambda session: _one(session, delivery_id))


def _one(session: Session, delivery_id: str) -> dict[str, Any]:
    row = delivery_queries.get(session, delivery_id)
    about = JobFilter(ticket_key=row.ticket_key)
    return {
        "delivery": row,
        "state": row.outcome or DeliveryState.WAITING.value,
        "jobs": queries.jobs_page(session, limit=_JOBS, filters=about) if row.ticket_key else [],
        "delivery_labels": delivery_labels,
        "body": None if PART in request.headers else _body(session, delivery_id),
        "body_days": current_runtime().settings.delivery_body_days,
    }


def _body(session: Session, delivery_id: str) -> tuple[str, bool]:
    """The body as text, and whether it is complete."""
    return pretty(delivery_queries.body(session, delivery_id, most=SHOWN_BYTES + 1) or b"")


def pretty(raw: bytes) -> tuple[str, bool]:
    """The body, indented if it is JSON, and whether it is complete."""
    whole = len(raw) <= SHOWN_BYTES
    text = raw[:SHOWN_BYTES].decode("utf-8", "replace")
    if whole:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    # JSON can contain lone surrogates, which UTF-8 cannot encode, and NUL, which HTML forbids.
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd"), whole
