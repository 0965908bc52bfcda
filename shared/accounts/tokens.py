"""API tokens: made, shown once, kept as a hash, looked up, revoked."""

import hashlib
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts.credentials import Credential
from shared.errors import ConflictError, InvalidInputError, NotFoundError
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
    """Whether this could be one of ours; a slip of the keyboard needs no look at the database."""
    if len(token) != _LENGTH or not token.startswith(PREFIX) or not token.isascii():
        return False
    body = token.removeprefix(PREFIX)
    return _checksum(body[:-_SUM_DIGITS]) == body[-_SUM_DIGITS:]


def hash_of(token: str) -> str:
    """What is stored. A fast hash suffices: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def create(session: Session, name: str, *, scopes: Iterable[Scope]) -> str:
    """Make a token and return it: this is the only moment it can be seen.

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
    """A name as it is shown in histories, trimmed. Raises InvalidInputError."""
    trimmed = name.strip()
    if not trimmed or len(trimmed) > MAX_NAME or not trimmed.isprintable():
        raise InvalidInputError(f"A name is 1 to {MAX_NAME} printable characters")
    return trimmed


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as lists show it; never the token itself."""

    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def listed(session: Session) -> list[TokenView]:
    """All tokens, revoked ones too, in the order they were made."""
    return [
        TokenView(t.name, tuple(t.scopes), t.created_at, t.last_used_at, t.revoked_at)
        for t in session.scalars(select(ApiToken).order_by(ApiToken.id))
    ]


_REVOKE = text(
    "UPDATE api_tokens SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL "
    "RETURNING id"
)


def revoke(session: Session, name: str) -> None:
    """End a token; every API process knows within a second. Raises NotFoundError."""
    if session.scalar(_REVOKE, {"name": name}) is None:
        raise NotFoundError("Token in use", name)


_LOOK_UP = text("""
SELECT id, name, scopes,
    last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS stale
FROM api_tokens WHERE token_hash = :hash AND revoked_at IS NULL
""")
# Only who finds it stale writes, so that a busy token costs one write a minute.
_TOUCH = text("""
UPDATE api_tokens SET last_used_at = now() WHERE id = (
    SELECT id FROM api_tokens
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    FOR UPDATE SKIP LOCKED)
""")


def look_up(session: Session, token: str) -> Credential | None:
    """Whose token this is, None where it is nobody's. Notes its use, to the minute."""
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
    """Whether a token was ever made. A revoked one counts: taking one away opens nothing."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM api_tokens)")))


def any_in_use(session: Session) -> bool:
    """Whether anybody could come in with a token."""
    return bool(
        session.scalar(text("SELECT EXISTS (SELECT FROM api_tokens WHERE revoked_at IS NULL)"))
    )
