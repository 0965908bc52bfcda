"""Read models of bulk actions: one, and those that are not finished yet."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from shared.models import BulkAction


def one(session: Session, action_id: str) -> BulkAction | None:
    """One action with its audit event; None if there is none with this id."""
    return session.get(BulkAction, action_id, options=[joinedload(BulkAction.audit_event)])


def of_audit_events(session: Session, event_ids: Iterable[int]) -> dict[int, BulkAction]:
    """The actions that these audit events belong to, by event."""
    found = session.scalars(select(BulkAction).where(BulkAction.audit_id.in_(list(event_ids))))
    return {action.audit_id: action for action in found}
