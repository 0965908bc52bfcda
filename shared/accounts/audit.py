"""The audit: who did what, to what, why, and with what result."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from shared.accounts.credentials import Actor
from shared.database.filtering import contains, distinct_values, plan_for_these_values
from shared.models import AuditEvent
from shared.states import ActorKind


class AuditAction(StrEnum):
    """What is audited: actions of people and scripts beyond creating and reading jobs."""

    RETRY = "retry"
    CANCEL = "cancel"
    REPLAY = "replay"
    RESUME = "resume"
    RECONCILE = "reconcile"
    CREATE = "create"
    """A job made by hand; a job that a script made carries the id of its request instead."""
    UPDATE = "update"
    """The quantity of a job set on its page."""
    TOKEN_CREATED = "token_created"  # noqa: S105  a word, no secret
    TOKEN_ROTATED = "token_rotated"  # noqa: S105  a word, no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105  a word, no secret
    OPERATOR_ADDED = "operator_added"
    OPERATOR_CHANGED = "operator_changed"
    OPERATOR_REMOVED = "operator_removed"
    SESSIONS_ENDED = "sessions_ended"
    """Sessions ended from the list of them, or by command; not the end by logging out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Who does something, and why, as their request says."""

    actor: Actor
    reason: str | None = None
    request_id: str | None = None


def write(
    session: Session,
    action: AuditAction,
    context: AuditContext,
    *,
    subject: str | None = None,
    counts: Mapping[str, Any] | None = None,
) -> None:
    """Record an action that this transaction completes."""
    _add(session, action, context, subject=subject, counts=counts, ended_at=func.now())


def begin(
    session: Session, action: AuditAction, context: AuditContext, *, filters: Mapping[str, Any]
) -> int:
    """Record the beginning of an action on all that match; returns the id for ``end``."""
    return _add(session, action, context, filter=dict(filters))


def end(session: Session, event_id: int, *, counts: Mapping[str, Any]) -> None:
    """Record the result of an action that began before, once: a second call changes nothing."""
    unfinished = update(AuditEvent).where(AuditEvent.id == event_id, AuditEvent.ended_at.is_(None))
    session.execute(unfinished.values(counts=dict(counts), ended_at=func.now()))


def context_of(event: AuditEvent) -> AuditContext:
    """The context that an event was recorded with."""
    actor = Actor(ActorKind(event.actor_kind), event.actor)
    return AuditContext(actor=actor, reason=event.reason, request_id=event.request_id)


def _add(session: Session, action: AuditAction, context: AuditContext, **values: Any) -> int:
    event = AuditEvent(
        actor_kind=context.actor.kind.value,
        actor=context.actor.name,
        action=action.value,
        reason=context.reason,
        request_id=context.request_id,
        **values,
    )
    session.add(event)
    session.flush()
    return event.id


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events are meant; None means any. ``words``: part of a reason, or a whole actor,
    subject or request id. ``since`` is included.
    """

    action: AuditAction | None = None
    actor: str | None = None
    subject: str | None = None
    words: str | None = None
    since: datetime | None = None


_EVERYTHING = AuditFilter()


def page(
    session: Session,
    filters: AuditFilter = _EVERYTHING,
    *,
    limit: int,
    before: int | None = None,
) -> list[AuditEvent]:
    """Up to ``limit`` events, newest first, with ids below ``before``."""
    plan_for_these_values(session)
    found = select(AuditEvent).where(*_conditions(filters))
    if before is not None:
        found = found.where(AuditEvent.id < before)
    return list(session.scalars(found.order_by(AuditEvent.id.desc()).limit(limit)))


def _conditions(filters: AuditFilter) -> Iterator[ColumnElement[bool]]:
    if filters.action is not None:
        yield AuditEvent.action == filters.action.value
    if filters.actor is not None:
        yield AuditEvent.actor == filters.actor
    if filters.subject is not None:
        yield AuditEvent.subject == filters.subject
    if filters.since is not None:
        yield AuditEvent.at >= filters.since
    if filters.words is not None:
        yield or_(
            contains(filters.words, AuditEvent.reason),
            AuditEvent.actor == filters.words,
            AuditEvent.subject == filters.words,
            AuditEvent.request_id == filters.words,
        )


def actors(session: Session, *, most: int = 100) -> list[str]:
    """Names of all who did something, in alphabetical order."""
    return distinct_values(session, AuditEvent.actor, most=most)
