"""Sessions of operators: rows, so that ending one ends it on the server, whoever has the cookie."""

import secrets
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.accounts.guesses import host
from shared.accounts.operators import OperatorView, view_of_operator
from shared.accounts.tokens import hash_of
from shared.database.rows import view_of

LIFETIME_HOURS = 12
"""A session ends so long after its login, whatever use is made of it."""
IDLE_HOURS = 2
"""A session ends so long after its last request."""
MAX_LISTED = 100
_MAX_USER_AGENT = 255


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its operator sees it; ``address`` is None if it was not known."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The session of a request."""

    id: int
    operator: OperatorView


_OPERATOR = ", ".join(f"o.{field.name}" for field in fields(OperatorView))
_LIVE = f"""
s.ended_at IS NULL AND s.expires_at > now()
    AND s.last_seen_at > now() - interval '{IDLE_HOURS} hours'
"""
_BEGIN = text("""
INSERT INTO operator_sessions (id_hash, operator_id, expires_at, address, user_agent)
VALUES (:hash, :operator_id, now() + make_interval(hours => :hours), :address, :user_agent)
""")
_LOOK_UP = text(f"""
SELECT {_OPERATOR}, s.id AS session_id, s.last_seen_at < now() - interval '1 minute' AS stale
FROM operator_sessions AS s JOIN operators AS o ON o.id = s.operator_id
WHERE s.id_hash = :hash AND {_LIVE} AND o.removed_at IS NULL AND NOT o.disabled
""")  # noqa: S608  constants of ours
# A session in constant use costs one write a minute; concurrent requests skip the locked row.
_TOUCH = text("""
UPDATE operator_sessions SET last_seen_at = now() WHERE id = (
    SELECT id FROM operator_sessions
    WHERE id = :id AND last_seen_at < now() - interval '1 minute'
    FOR UPDATE SKIP LOCKED)
""")
_LIST = text(f"""
SELECT id, created_at, last_seen_at, expires_at, host(address) AS address, user_agent
FROM operator_sessions AS s WHERE operator_id = :operator_id AND {_LIVE}
ORDER BY last_seen_at DESC, id DESC LIMIT :limit
""")  # noqa: S608  constants of ours
_END = text(f"""
UPDATE operator_sessions AS s SET ended_at = now()
WHERE id = :id AND operator_id = :operator_id AND {_LIVE} RETURNING id
""")  # noqa: S608  constants of ours
_END_OTHERS = text(f"""
UPDATE operator_sessions AS s SET ended_at = now()
WHERE operator_id = :operator_id AND id <> :id AND {_LIVE} RETURNING id
""")  # noqa: S608  constants of ours


def begin(session: Session, operator: OperatorView, *, address: str, user_agent: str) -> str:
    """Begin a session; returns the secret that its cookie holds, which is not stored."""
    secret = secrets.token_urlsafe(32)
    values = {
        "hash": hash_of(secret),
        "operator_id": operator.id,
        "hours": LIFETIME_HOURS,
        "address": host(address),
        "user_agent": "".join(filter(str.isprintable, user_agent))[:_MAX_USER_AGENT],
    }
    session.execute(_BEGIN, values)
    return secret


def look_up(session: Session, secret: str) -> OpenSession | None:
    """The session of this secret, or None if it has ended. Records its use, to the minute."""
    row = session.execute(_LOOK_UP, {"hash": hash_of(secret)}).one_or_none()
    if row is None:
        return None
    if row.stale:
        session.execute(_TOUCH, {"id": row.session_id})
    return OpenSession(row.session_id, view_of_operator(row))


def live(session: Session, operator_id: int) -> list[SessionView]:
    """The sessions of an operator that have not ended, the last used first; 100 at most."""
    values = {"operator_id": operator_id, "limit": MAX_LISTED}
    return [view_of(SessionView, row) for row in session.execute(_LIST, values)]


def end(session: Session, session_id: int, *, operator_id: int) -> bool:
    """End a session of this operator; False if there is none, or it had ended."""
    values = {"id": session_id, "operator_id": operator_id}
    return session.scalar(_END, values) is not None


def end_others(session: Session, current: OpenSession) -> int:
    """End all sessions of the operator but this one; returns how many."""
    values = {"id": current.id, "operator_id": current.operator.id}
    return len(session.execute(_END_OTHERS, values).all())
