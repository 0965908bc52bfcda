"""The audit: who did what, to what, why, and with what result."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from shared.accounts.credentials import Actor
from shared.database.filtering import contains, plan_for_these_values
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
    TOKEN_CREATED = "token_created"  # noqa: S105  a word, no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105  a word, no secret
    OPERATOR_ADDED = "operator_added"
    OPERATOR_CHANGED = "operator_changed"
    OPERATOR_REMOVED = "operator_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Who does something, and why, as their request says."""

    actor: Actor
    reason: str | None = None
    request_id: str | None = None


_WRITE = text("""
INSERT INTO audit_events
    (actor_kind, actor, action, subject, filter, reason, counts, request_id, ended_at)
VALUES (:kind, :actor, :action, :subject, CAST(:filter AS jsonb), :reason,
    CAST(:counts AS jsonb), :request_id, CASE WHEN :ended THEN now() END)
RETURNING id
""")
_END = text("""
UPDATE audit_events SET counts = CAST(:counts AS jsonb), ended_at = now()
WHERE id = :id AND ended_at IS NULL
""")


def write(
    session: Session,
    action: AuditAction,
    context: AuditContext,
    *,
    subject: str | None = None,
    counts: Mapping[str, Any] | None = None,
) -> None:
    """Record an action that this transaction completes."""
    _insert(session, action, context, subject=subject, counts=counts, filters=None, ended=True)


def begin(
    session: Session, action: AuditAction, context: AuditContext, *, filters: Mapping[str, Any]
) -> int:
    """Record the beginning of an action on all that match; returns the id for ``end``."""
    return _insert(
        session, action, context, subject=None, counts=None, filters=filters, ended=False
    )


def end(session: Session, event_id: int, *, counts: Mapping[str, Any]) -> None:
    """Record the result of an action that began before, once: a second call changes nothing."""
    session.execute(_END, {"id": event_id, "counts": _json(counts)})


def context_of(event: AuditEvent) -> AuditContext:
    """The context that an event was recorded with."""
    actor = Actor(ActorKind(event.actor_kind), event.actor)
    return AuditContext(actor=actor, reason=event.reason, request_id=event.request_id)


def _insert(
    session: Session,
    action: AuditAction,
    context: AuditContext,
    *,
    subject: str | None,
    counts: Mapping[str, Any] | None,
    filters: Mapping[str, Any] | None,
    ended: bool,
) -> int:
    values = {
        "kind": context.actor.kind.value,
        "actor": context.actor.name,
        "action": action.value,
        "subject": subject,
        "filter": _json(filters),
        "reason": context.reason,
        "counts": _json(counts),
        "request_id": context.request_id,
        "ended": ended,
    }
    return int(session.execute(_WRITE, values).scalar_one())


def _json(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else orjson.dumps(dict(content)).decode()


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


# Goes from one distinct name to the next in the index: the cost grows with names, not with rows.
_ACTORS = text("""
WITH RECURSIVE known AS (
    (SELECT min(actor) AS name, 1 AS at FROM audit_events)
    UNION ALL
    SELECT (SELECT min(a.actor) FROM audit_events a WHERE a.actor > k.name), k.at + 1
    FROM known k WHERE k.name IS NOT NULL AND k.at <= :most
)
SELECT name FROM known WHERE name IS NOT NULL LIMIT :most
""")


def actors(session: Session, *, most: int = 100) -> list[str]:
    """Names of all who did something, in alphabetical order."""
    return list(session.scalars(_ACTORS, {"most": most}))
