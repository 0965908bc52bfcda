"""The dashboard's operators: accounts, passwords, and ending their sessions."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.accounts import guesses
from shared.accounts.credentials import Actor
from shared.accounts.tokens import checked_name
from shared.database.rows import view_of
from shared.errors import ConflictError, InvalidInputError, Kind, NotFoundError
from shared.states import ActorKind, Role

MIN_PASSWORD = 10
MAX_PASSWORD = 1024
"""Lengths of a password, in characters."""

# OWASP's parameters for argon2id: 19 MiB for each guess, and at most two guesses at a time.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DUMMY_HASH = _hasher.hash("the password of no account")
_hashing = threading.Semaphore(2)


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator as pages and lists show them."""

    id: int
    name: str
    role: Role
    disabled: bool
    session_version: int
    created_at: datetime
    last_login_at: datetime | None

    def may(self, role: Role) -> bool:
        """Whether this operator may do what the role may do."""
        return role is Role.READ_ONLY or self.role is Role.FULL

    @property
    def actor(self) -> Actor:
        """The operator as the audit names actors."""
        return Actor(ActorKind.OPERATOR, self.name)


_COLUMNS = "id, name, role, disabled, session_version, created_at, last_login_at"
_ADD = text(f"""
INSERT INTO operators (name, password_hash, role) VALUES (:name, :hash, :role)
ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
RETURNING {_COLUMNS}
""")  # noqa: S608  the columns are ours
_LIST = text(f"SELECT {_COLUMNS} FROM operators WHERE removed_at IS NULL ORDER BY name")  # noqa: S608  the columns are ours
_NAMED = text(f"SELECT {_COLUMNS} FROM operators WHERE name = :name AND removed_at IS NULL")  # noqa: S608  the columns are ours
# A login that checked its password before a change does not complete: it compares the version.
_CHANGE = text("""
UPDATE operators SET session_version = session_version + 1,
    password_hash = COALESCE(CAST(:hash AS text), password_hash),
    role = COALESCE(CAST(:role AS text), role),
    disabled = COALESCE(CAST(:disabled AS boolean), disabled),
    removed_at = CASE WHEN CAST(:remove AS boolean) THEN now() END
WHERE name = :name AND removed_at IS NULL RETURNING id
""")
# A statement of its own, after the row of the account is locked: it sees the sessions of logins
# that completed while the lock was waited for.
_END_SESSIONS = text("""
UPDATE operator_sessions SET ended_at = now()
WHERE operator_id = :id AND ended_at IS NULL AND expires_at > now() RETURNING id
""")


def add(session: Session, name: str, *, password: str, role: Role) -> OperatorView:
    """Make an account. Raises InvalidInputError, or ConflictError for a name in use."""
    values = {"name": checked_name(name), "hash": hash_password(password), "role": role.value}
    row = session.execute(_ADD, values).one_or_none()
    if row is None:
        raise ConflictError(f"There is an operator named {name} already")
    return view_of_operator(row)


def listed(session: Session) -> list[OperatorView]:
    """All accounts by name, disabled ones too."""
    return [view_of_operator(row) for row in session.execute(_LIST)]


def set_password(session: Session, name: str, *, password: str) -> None:
    """Change a password; it ends the account's sessions and waits. Raises NotFoundError."""
    _change(session, name, password_hash=hash_password(password))
    guesses.forget(session, name)


def set_role(session: Session, name: str, *, role: Role) -> None:
    """Give an account another role, and end its sessions. Raises NotFoundError."""
    _change(session, name, role=role.value)


def set_disabled(session: Session, name: str, *, disabled: bool) -> None:
    """Disable an account, which ends its sessions, or enable it. Raises NotFoundError."""
    _change(session, name, disabled=disabled)


def remove(session: Session, name: str) -> None:
    """Remove an account and end its sessions; the name is free again. Raises NotFoundError."""
    _change(session, name, remove=True)


def end_sessions(session: Session, name: str) -> int:
    """End all sessions of an account; returns how many. Raises NotFoundError."""
    return _change(session, name)


def _change(
    session: Session,
    name: str,
    *,
    password_hash: str | None = None,
    role: str | None = None,
    disabled: bool | None = None,
    remove: bool = False,
) -> int:
    values = {
        "name": name,
        "hash": password_hash,
        "role": role,
        "disabled": disabled,
        "remove": remove,
    }
    operator_id = session.scalar(_CHANGE, values)
    if operator_id is None:
        raise NotFoundError(Kind.OPERATOR, name)
    return len(session.execute(_END_SESSIONS, {"id": operator_id}).all())


def named(session: Session, name: str) -> OperatorView:
    """The account of this name. Raises NotFoundError."""
    row = session.execute(_NAMED, {"name": name}).one_or_none()
    if row is None:
        raise NotFoundError(Kind.OPERATOR, name)
    return view_of_operator(row)


def any_made(session: Session) -> bool:
    """Whether an account was ever made. Removed ones count: removing the last opens nothing."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM operators)")))


def any_in_use(session: Session) -> bool:
    """Whether an account exists that can log in."""
    return bool(
        session.scalar(
            text("SELECT EXISTS (SELECT FROM operators WHERE removed_at IS NULL AND NOT disabled)")
        )
    )


def view_of_operator(row: Row[Any]) -> OperatorView:
    return view_of(OperatorView, row, role=Role(row.role))


@dataclass(frozen=True, slots=True)
class Secret:
    """An operator with the hash that a password is checked against."""

    operator: OperatorView
    password_hash: str


_SECRET = text(f"""
SELECT {_COLUMNS}, password_hash FROM operators
WHERE name = :name AND removed_at IS NULL AND NOT disabled
""")  # noqa: S608  the columns are ours
_LOGGED_IN = text("""
UPDATE operators SET last_login_at = now()
WHERE id = :id AND session_version = :version RETURNING id
""")


def secret_of(session: Session, name: str) -> Secret | None:
    """An account that may log in, with its password's hash."""
    row = session.execute(_SECRET, {"name": name}).one_or_none()
    return None if row is None else Secret(view_of_operator(row), row.password_hash)


def note_login(session: Session, operator: OperatorView) -> bool:
    """Record a login; False if the account was changed since ``secret_of``.

    It locks the account's row: a change waits for this login, and then ends its session.
    """
    values = {"id": operator.id, "version": operator.session_version}
    return session.scalar(_LOGGED_IN, values) is not None


def hash_password(password: str) -> str:
    """An argon2id hash. Raises InvalidInputError if the password is too short or too long."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInputError(
            f"A password has at least {MIN_PASSWORD} and at most {MAX_PASSWORD} characters"
        )
    with _hashing:
        return _hasher.hash(password)


def verify(secret: Secret | None, password: str) -> bool:
    """Whether the password is right. Takes as long if the account does not exist."""
    if len(password) > MAX_PASSWORD:
        return False
    try:
        with _hashing:
            _hasher.verify(secret.password_hash if secret else _DUMMY_HASH, password)
    except (VerificationError, InvalidHashError):
        return False
    return secret is not None
