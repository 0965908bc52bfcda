"""The dashboard's operators: accounts, passwords, sessions that end when they must."""

import threading
from dataclasses import dataclass
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.accounts.credentials import Actor
from shared.accounts.tokens import checked_name
from shared.errors import ConflictError, InvalidInputError, NotFoundError
from shared.states import ActorKind, Role

MIN_PASSWORD = 10
MAX_PASSWORD = 1024
"""Lengths of a password in characters: long enough to be worth guessing limits, short to hash."""

# OWASP's parameters for argon2id: 19 MiB a guess, so that logins cannot eat the memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")
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
        """Whether this operator may do what the role may."""
        return role is Role.READ_ONLY or self.role is Role.FULL

    @property
    def actor(self) -> Actor:
        """How audit names them."""
        return Actor(ActorKind.OPERATOR, self.name)


_COLUMNS = "id, name, role, disabled, session_version, created_at, last_login_at"
_ADD = text(f"""
INSERT INTO operators (name, password_hash, role) VALUES (:name, :hash, :role)
ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
RETURNING {_COLUMNS}
""")  # noqa: S608  the columns are ours
_LIST = text(f"SELECT {_COLUMNS} FROM operators WHERE removed_at IS NULL ORDER BY name")  # noqa: S608  the columns are ours
_IN_SESSION = text(f"""
SELECT {_COLUMNS} FROM operators
WHERE id = :id AND session_version = :version AND removed_at IS NULL AND NOT disabled
""")  # noqa: S608  the columns are ours
_CHANGE = """
UPDATE operators SET session_version = session_version + 1, {change}
WHERE name = :name AND removed_at IS NULL RETURNING id
"""
_PASSWORD = text(_CHANGE.format(change="password_hash = :hash"))
_DISABLE = text(_CHANGE.format(change="disabled = :disabled"))
_REMOVE = text(_CHANGE.format(change="removed_at = now()"))


def add(session: Session, name: str, *, password: str, role: Role) -> OperatorView:
    """Make an account. Raises InvalidInputError, or ConflictError for a name in use."""
    values = {"name": checked_name(name), "hash": hash_password(password), "role": role.value}
    row = session.execute(_ADD, values).one_or_none()
    if row is None:
        raise ConflictError(f"There is an operator named {name} already")
    return _view(row)


def listed(session: Session) -> list[OperatorView]:
    """All accounts by name, disabled ones too."""
    return [_view(row) for row in session.execute(_LIST)]


def set_password(session: Session, name: str, *, password: str) -> None:
    """Change a password; every session of the account ends, and its lock-out. NotFoundError."""
    _changed(session.scalar(_PASSWORD, {"name": name, "hash": hash_password(password)}), name)
    session.execute(
        text("DELETE FROM login_failures WHERE subject = :subject"), {"subject": f"name:{name}"}
    )


def set_disabled(session: Session, name: str, *, disabled: bool) -> None:
    """Shut an account, ending its sessions, or open it again. Raises NotFoundError."""
    _changed(session.scalar(_DISABLE, {"name": name, "disabled": disabled}), name)


def remove(session: Session, name: str) -> None:
    """End an account and its sessions; the name is free again. Raises NotFoundError."""
    _changed(session.scalar(_REMOVE, {"name": name}), name)


def _changed(found: int | None, name: str) -> None:
    if found is None:
        raise NotFoundError("Operator", name)


def in_session(session: Session, operator_id: int, *, version: int) -> OperatorView | None:
    """Who a session belongs to; None once it was ended."""
    row = session.execute(_IN_SESSION, {"id": operator_id, "version": version}).one_or_none()
    return None if row is None else _view(row)


def any_made(session: Session) -> bool:
    """Whether an account was ever made. A removed one counts: taking one away opens nothing."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM operators)")))


def any_in_use(session: Session) -> bool:
    """Whether anybody could log in."""
    return bool(
        session.scalar(
            text("SELECT EXISTS (SELECT FROM operators WHERE removed_at IS NULL AND NOT disabled)")
        )
    )


def _view(row: Row[tuple[object, ...]]) -> OperatorView:
    values = row._asdict()
    return OperatorView(**{**values, "role": Role(values["role"])})


@dataclass(frozen=True, slots=True)
class Secret:
    """What a login is checked against."""

    operator: OperatorView
    password_hash: str


_SECRET = text(f"""
SELECT {_COLUMNS}, password_hash FROM operators
WHERE name = :name AND removed_at IS NULL AND NOT disabled
""")  # noqa: S608  the columns are ours
_LOGGED_IN = text("UPDATE operators SET last_login_at = now() WHERE id = :id")


def secret_of(session: Session, name: str) -> Secret | None:
    """An account that may log in, with its password's hash."""
    row = session.execute(_SECRET, {"name": name}).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    password_hash = values.pop("password_hash")
    return Secret(OperatorView(**{**values, "role": Role(values["role"])}), password_hash)


def note_login(session: Session, operator_id: int) -> None:
    """Somebody logged in."""
    session.execute(_LOGGED_IN, {"id": operator_id})


def hash_password(password: str) -> str:
    """An argon2id hash. Raises InvalidInputError for a password nobody should have."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInputError(
            f"A password has at least {MIN_PASSWORD} and at most {MAX_PASSWORD} characters"
        )
    with _hashing:
        return _hasher.hash(password)


def verify(secret: Secret | None, password: str) -> bool:
    """Whether the password is right; takes as long for an account that does not exist."""
    if len(password) > MAX_PASSWORD:
        return False
    try:
        with _hashing:
            _hasher.verify(secret.password_hash if secret else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return secret is not None
