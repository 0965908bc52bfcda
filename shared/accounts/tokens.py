"""API tokens: created and shown once, stored as a hash, looked up, rotated, revoked."""

import hashlib
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.accounts.credentials import Credential
from shared.errors import ConflictError, InvalidInputError, Kind, NotFoundError
from shared.models import ApiToken
from shared.states import Scope

PREFIX = "rc_"
_RANDOM_BYTES = 32
_SUM_DIGITS = 8
_LENGTH = len(PREFIX) + 2 * _RANDOM_BYTES + _SUM_DIGITS
LIFETIME_DAYS = 365
"""A token expires after so many days, unless its maker says otherwise."""
MAX_NAME = 100
"""Longest name of a token or an operator, in characters."""


def new_token() -> str:
    """256 random bits in hex, with a prefix that scanners recognise and a checksum."""
    body = secrets.token_hex(_RANDOM_BYTES)
    return PREFIX + body + _checksum(body)


def well_formed(token: str) -> bool:
    """Whether this has the form and checksum of our tokens; others are not looked up."""
    if len(token) != _LENGTH or not token.startswith(PREFIX) or not token.isascii():
        return False
    body = token.removeprefix(PREFIX)
    return _checksum(body[:-_SUM_DIGITS]) == body[-_SUM_DIGITS:]


def hash_of(token: str) -> str:
    """What is stored. A fast hash is enough, as 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made: it is not stored and cannot be shown again."""

    value: str
    expires_at: datetime | None


def create(
    session: Session, name: str, *, scopes: Iterable[Scope], days: int = LIFETIME_DAYS
) -> NewToken:
    """Create a token that expires after ``days``; 0: never.

    Raises InvalidInputError for an unusable name or no scope, ConflictError for a name in use.
    """
    wanted = [scope.value for scope in Scope if scope in set(scopes)]
    if not wanted:
        raise InvalidInputError("A token needs at least one scope")
    checked = checked_name(name)
    made = _insert(session, name=checked, scopes=wanted, days=days)
    if made is None:
        raise ConflictError(
            f"There is a token named {checked} already: rotate or revoke it, or choose another name"
        )
    return made


# A repeated name is refused by the index, also between two commands at once.
_INSERT = text("""
INSERT INTO api_tokens (name, token_hash, scopes, expires_at, first_id)
VALUES (:name, :hash, :scopes,
    CASE WHEN :days > 0 THEN now() + make_interval(days => :days) END, :first_id)
ON CONFLICT (name) WHERE revoked_at IS NULL AND replaced_at IS NULL DO NOTHING
RETURNING expires_at
""")


def _insert(
    session: Session, *, name: str, scopes: list[str], days: int, first_id: int | None = None
) -> NewToken | None:
    token = new_token()
    values = {"name": name, "hash": hash_of(token), "scopes": scopes, "days": days}
    row = session.execute(_INSERT, {**values, "first_id": first_id}).one_or_none()
    return NewToken(token, row.expires_at) if row else None


_REPLACE = text("""
UPDATE api_tokens SET replaced_at = now(),
    expires_at = LEAST(expires_at, now() + make_interval(hours => :hours))
WHERE name = :name AND revoked_at IS NULL AND replaced_at IS NULL
RETURNING id, first_id, scopes
""")


def rotate(session: Session, name: str, *, hours: int, days: int = LIFETIME_DAYS) -> NewToken:
    """Replace a token by a new one of the same name, scopes and credential.

    The old one is accepted for ``hours`` more, so that its users can change over without a gap.
    Raises NotFoundError.
    """
    old = session.execute(_REPLACE, {"name": name, "hours": hours}).one_or_none()
    if old is None:
        raise NotFoundError(Kind.TOKEN, name)
    first_id = old.id if old.first_id is None else old.first_id
    made = _insert(session, name=name, scopes=old.scopes, days=days, first_id=first_id)
    if made is None:
        raise ConflictError(f"The token {name} was replaced by another command at the same time")
    return made


def checked_name(name: str) -> str:
    """A name of a token or an operator, trimmed. Raises InvalidInputError."""
    trimmed = name.strip()
    if not trimmed or len(trimmed) > MAX_NAME or not trimmed.isprintable():
        raise InvalidInputError(f"A name is 1 to {MAX_NAME} printable characters")
    return trimmed


def listed(session: Session) -> list[ApiToken]:
    """All tokens, also revoked ones, oldest first."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.id)))


_REVOKE = text(
    "UPDATE api_tokens SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL "
    "RETURNING id"
)


def revoke(session: Session, name: str) -> None:
    """Revoke a token and those it replaced; every API process knows it within a second.

    Raises NotFoundError.
    """
    if not session.scalars(_REVOKE, {"name": name}).all():
        raise NotFoundError(Kind.TOKEN, name)


_LOOK_UP = text("""
SELECT id, COALESCE(first_id, id) AS first_id, name, scopes,
    last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS stale
FROM api_tokens WHERE token_hash = :hash AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > now())
""")
# A token in constant use costs one write a minute; concurrent requests skip the locked row.
_TOUCH = text("""
UPDATE api_tokens SET last_used_at = now() WHERE id = (
    SELECT id FROM api_tokens
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    FOR UPDATE SKIP LOCKED)
""")


def look_up(session: Session, token: str) -> Credential | None:
    """The credential of this token, or None. Records the time of its use, to the minute."""
    if not well_formed(token):
        return None
    row = session.execute(_LOOK_UP, {"hash": hash_of(token)}).one_or_none()
    if row is None:
        return None
    if row.stale:
        session.execute(_TOUCH, {"id": row.id})
    return Credential(
        id=f"token:{row.first_id}", name=row.name, scopes=frozenset(Scope(s) for s in row.scopes)
    )


def any_made(session: Session) -> bool:
    """Whether a token was ever made. Revoked ones count: revoking the last opens nothing."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM api_tokens)")))


def any_in_use(session: Session) -> bool:
    """Whether a token exists that is accepted."""
    return bool(session.scalar(_ANY_IN_USE))


_ANY_IN_USE = text("""
SELECT EXISTS (SELECT FROM api_tokens
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
""")
_EXPIRING = text("""
SELECT name, expires_at FROM api_tokens
WHERE revoked_at IS NULL AND replaced_at IS NULL
    AND expires_at < now() + make_interval(days => :days)
    AND last_used_at > now() - interval '30 days'
ORDER BY expires_at LIMIT 20
""")


def expiring(session: Session, *, days: int) -> list[tuple[str, datetime]]:
    """Names and ends of tokens in use that expire within ``days`` or have just expired."""
    return [(row.name, row.expires_at) for row in session.execute(_EXPIRING, {"days": days})]
