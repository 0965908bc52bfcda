"""The audit list: who did what, to what, when and why, and the result."""

from collections.abc import Sequence
from typing import Annotated, Any

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.audit import labels as audit_labels
from api.dashboard.kit.list_page import show_list
from api.dashboard.kit.list_request import ListParameters
from api.dashboard.kit.pages import Pages
from api.schemas.fields import (
    NEXT_PAGE,
    Moment,
    Query,
    Words,
    cursor_of,
    one_of,
)
from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditFilter
from shared.actions import bulk
from shared.actions import queries as bulk_queries
from shared.models import AuditEvent

_LONGEST = 18

pages = Pages("audit_pages", __name__)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise ValueError("not a number of an event")
    return int(text)


class AuditQuery(Query):
    """Which audit events."""

    q: Words | None = None
    action: Annotated[AuditAction, one_of(AuditAction)] | None = None
    actor: Words | None = None
    subject: Words | None = None
    since: Moment | None = None
    cursor: Annotated[int, cursor_of(_number)] | None = NEXT_PAGE

    def filters(self) -> AuditFilter:
        """What shared.accounts.audit looks for."""
        return AuditFilter(
            action=self.action,
            actor=self.actor,
            subject=self.subject,
            words=self.q,
            since=self.since,
        )


AUDIT = ListParameters("/audit", AuditQuery, since="since")


@pages.page("/audit")
def audit_list() -> Response:
    """The list."""
    listing = AUDIT.read()
    filters, before = listing.query.filters(), listing.query.cursor
    return show_list(
        "audit",
        listing,
        fetch=lambda session, limit: audit.page(session, filters, limit=limit, before=before),
        key=lambda event: str(event.id),
        context=_context,
    )


def _context(session: Session, rows: Sequence[AuditEvent]) -> dict[str, Any]:
    return {
        "actions": list(audit_labels.ACTION.items()),
        "actors": [(name, name) for name in audit.actors(session)],
        "running": _running(session, rows),
        "audit_labels": audit_labels,
    }


def _running(session: Session, rows: Sequence[AuditEvent]) -> dict[int, dict[str, Any]]:
    """How far the bulk actions are that have not ended, by the id of their event."""
    unfinished = [event.id for event in rows if event.ended_at is None]
    found = bulk_queries.of_audit_events(session, unfinished) if unfinished else {}
    return {event_id: bulk.audit_counts(action) for event_id, action in found.items()}
