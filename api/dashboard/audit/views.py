"""Audit: who did what, to what, when and why, and what came of it."""

from typing import Annotated, Any

from flask import Response
from pydantic import BeforeValidator, Field
from sqlalchemy.orm import Session

from api.dashboard.audit import words as audit_words
from api.dashboard.kit import list_request
from api.dashboard.kit.list_request import TIMES, ListRequest
from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.http.pagination import decode_cursor
from api.schemas.fields import NOT_A_CURSOR, Moment, Query, Words, one_of, wrong
from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditFilter
from shared.database.freshness import Topic

PAGE = 50
_FILTERS = ("q", "action", "actor", "subject", "within", "since")
_LONGEST = 18

pages = Pages("audit_pages", __name__)


def _number(value: Any) -> int:
    try:
        digits = decode_cursor(str(value))
    except ValueError:
        raise wrong(NOT_A_CURSOR) from None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST):
        raise wrong(NOT_A_CURSOR)
    return int(digits)


class AuditQuery(Query):
    """Which deeds."""

    q: Words | None = None
    action: Annotated[AuditAction, one_of(AuditAction)] | None = None
    actor: Words | None = None
    subject: Words | None = None
    since: Moment | None = None
    cursor: Annotated[int, BeforeValidator(_number)] | None = Field(None)

    def only(self) -> AuditFilter:
        """What shared.accounts.audit looks for."""
        return AuditFilter(
            action=self.action,
            actor=self.actor,
            subject=self.subject,
            words=self.q,
            since=self.since,
        )


@pages.page("/audit")
def all_deeds() -> Response:
    """The list."""
    asked = list_request.asked(_FILTERS)
    query = list_request.checked(AuditQuery, asked, since="since")
    only, before = query.only(), query.cursor
    return show_live(
        "audit", Topic.AUDIT, read=lambda session: _list(session, asked, only, before), asked=asked
    )


def _list(
    session: Session, asked: ListRequest, only: AuditFilter, before: int | None
) -> dict[str, Any]:
    found = audit.page(session, only, limit=PAGE + 1, before=before)
    rows, more = found[:PAGE], len(found) > PAGE
    return {
        "rows": rows,
        "next": asked.after(str(rows[-1].id)) if more else None,
        "first": asked.address() if asked.paged else None,
        "actions": list(audit_words.ACTION.items()),
        "actors": [(name, name) for name in audit.actors(session)],
        "times": TIMES,
        "tell": audit_words,
    }
