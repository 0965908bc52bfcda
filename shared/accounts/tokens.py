"""API tokens: created and shown once, stored as a hash, looked up, revoked."""

import hashlib
import secrets
import zlib
from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts.credentials import Credential
from shared.errors import ConflictError, InvalidInputError, Kind, NotFoundError
from shared.models import ApiToken, table_of
from shared.states import Scope

PREFIX = "rc_"
_RANDOM_BYTES = 32
_SUM_DIGITS = 8
_LENGTH = len(PREFIX) + 2 * _RANDOM_BYTES + _SUM_DIGITS
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


def create(session: Session, name: str, *, scopes: Iterable[Scope]) -> str:
    """Create a token and return it; it is not stored and cannot be shown again.

    Raises InvalidInputError for an unusable name or no scope, ConflictError for a name in use.
    """
    wanted = [scope.value for scope in Scope if scope in set(scopes)]
    if not wanted:
        raise InvalidInputError("A token needs at least one scope")
    token = new_token()
    table = table_of(ApiToken)
    stored = session.scalar(
        insert(table)
        .values(name=checked_name(name), token_hash=hash_of(token), scopes=wanted)
        .on_conflict_do_nothing(index_elements=["name"], index_where=table.c.revoked_at.is_(None))
        .returning(table.c.id)
    )
    if stored is None:
        raise ConflictError(f"There is a token named {name} already: revoke it, or choose another")
    return token


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
    """Revoke a token; every API process knows it within a second. Raises NotFoundError."""
    if session.scalar(_REVOKE, {"name": name}) is None:
        raise NotFoundError(Kind.TOKEN, name)


_LOOK_UP = text("""
SELECT id, name, scopes,
    last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS stale
FROM api_tokens WHERE token_hash = :hash AND revoked_at IS NULL
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
        id=f"token:{row.id}", name=row.name, scopes=frozenset(Scope(s) for s in row.scopes)
    )


def any_made(session: Session) -> bool:
    """Whether a token was ever made. Revoked ones count: revoking the last opens nothing."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM api_tokens)")))


def any_in_use(session: Session) -> bool:
    """Whether a token exists that is not revoked."""
    return bool(
        session.scalar(text("SELECT EXISTS (SELECT FROM api_tokens WHERE revoked_at IS NULL)"))
    )
