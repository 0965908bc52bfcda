"""Audit: who did what, on what, why, and what came of it."""

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


class AuditAction(StrEnum):
    """What can be done by a person or a script beyond making and reading jobs."""

    RETRY = "retry"
    CANCEL = "cancel"
    REPLAY = "replay"
    RESUME = "resume"
    RECONCILE = "reconcile"
    CREATE = "create"
    """A job, by hand; those that scripts make carry their request's id instead."""
    TOKEN_CREATED = "token_created"  # noqa: S105  a word, no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105  a word, no secret
    OPERATOR_ADDED = "operator_added"
    OPERATOR_CHANGED = "operator_changed"
    OPERATOR_REMOVED = "operator_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Who wants something done, and why, as their request says."""

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
_PROGRESS = text("""
UPDATE audit_events SET counts = CAST(:counts AS jsonb),
    ended_at = CASE WHEN :ended THEN now() END
WHERE id = :id
""")


def write(
    session: Session,
    action: AuditAction,
    context: AuditContext,
    *,
    subject: str | None = None,
    counts: Mapping[str, Any] | None = None,
) -> None:
    """Write down something that is done in this transaction."""
    _insert(session, action, context, subject=subject, counts=counts, chosen=None, ended=True)


def begin(
    session: Session, action: AuditAction, context: AuditContext, *, chosen: Mapping[str, Any]
) -> int:
    """Write down the beginning of an action on all that match a filter; returns its number."""
    return _insert(session, action, context, subject=None, counts={}, chosen=chosen, ended=False)


def progress(
    session: Session, number: int, *, counts: Mapping[str, Any], ended: bool = False
) -> None:
    """Bring an action's counts up to date, in the transaction that did the work."""
    values = {"id": number, "counts": _json(counts), "ended": ended}
    session.execute(_PROGRESS, values)


def _insert(
    session: Session,
    action: AuditAction,
    context: AuditContext,
    *,
    subject: str | None,
    counts: Mapping[str, Any] | None,
    chosen: Mapping[str, Any] | None,
    ended: bool,
) -> int:
    values = {
        "kind": context.actor.kind.value,
        "actor": context.actor.name,
        "action": action.value,
        "subject": subject,
        "filter": _json(chosen),
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
    """Which events are meant; None asks for nothing. ``words``: part of a reason, or a whole
    actor, subject or request id. ``since`` is included.
    """

    action: AuditAction | None = None
    actor: str | None = None
    subject: str | None = None
    words: str | None = None
    since: datetime | None = None


_EVERYTHING = AuditFilter()


def page(
    session: Session,
    wanted: AuditFilter = _EVERYTHING,
    *,
    limit: int,
    before: int | None = None,
) -> list[AuditEvent]:
    """Up to ``limit`` events, newest first, older than the number ``before``."""
    plan_for_these_values(session)
    found = select(AuditEvent).where(*_conditions(wanted))
    if before is not None:
        found = found.where(AuditEvent.id < before)
    return list(session.scalars(found.order_by(AuditEvent.id.desc()).limit(limit)))


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.action is not None:
        yield AuditEvent.action == wanted.action.value
    if wanted.actor is not None:
        yield AuditEvent.actor == wanted.actor
    if wanted.subject is not None:
        yield AuditEvent.subject == wanted.subject
    if wanted.since is not None:
        yield AuditEvent.at >= wanted.since
    if wanted.words is not None:
        yield or_(
            contains(wanted.words, AuditEvent.reason),
            AuditEvent.actor == wanted.words,
            AuditEvent.subject == wanted.words,
            AuditEvent.request_id == wanted.words,
        )


# From one name of the index to the next: as many steps as there are names, not rows.
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
    """Who ever did something, in order of the alphabet."""
    return list(session.scalars(_ACTORS, {"most": most}))
