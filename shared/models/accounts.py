"""API tokens, the dashboard's operators, and their failed logins."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, any_of
from shared.states import Role, Scope

_SCOPES = ", ".join(f"'{scope}'" for scope in Scope)


class ApiToken(Base):
    """A bearer token; only its SHA-256 is stored. A revoked token stays, for the history.

    A rotation makes a successor with ``first_id``, the id of the first of them: all are one
    credential, so that a repeated request finds its idempotency key. ``replaced_at`` is when a
    token got its successor. ``expires_at`` null: it does not expire.
    """

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    first_id: Mapped[int | None] = mapped_column(BigInteger)
    replaced_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint(
            f"cardinality(scopes) > 0 AND scopes <@ ARRAY[{_SCOPES}]::text[]", name="scopes_known"
        ),
        Index(
            "uq_api_tokens_name_current",
            "name",
            unique=True,
            postgresql_where=text("revoked_at IS NULL AND replaced_at IS NULL"),
        ),
    )


class Operator(Base):
    """An account of the dashboard.

    Each change increments ``session_version``, so that a login that began before does not complete.
    """

    __tablename__ = "operators"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]
    disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    session_version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_login_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint(any_of("role", Role), name="role_known"),
        Index(
            "uq_operators_name_in_use",
            "name",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )


class OperatorSession(Base):
    """A session of the dashboard; of the secret in its cookie only the SHA-256 is stored."""

    __tablename__ = "operator_sessions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id_hash: Mapped[str] = mapped_column(unique=True)
    operator_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("operators.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str]

    __table_args__ = (
        Index("ix_operator_sessions_operator", "operator_id", "expires_at"),
        Index("ix_operator_sessions_expires", "expires_at"),
    )


class LoginFailures(Base):
    """Failed logins of one account, from one network, or of the pair (shared.accounts.guesses).

    Until ``locked_until``, the next guess is not checked.
    """

    __tablename__ = "login_failures"

    subject: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(server_default=func.now())
    locked_until: Mapped[datetime | None]

    __table_args__ = (Index("ix_login_failures_last", "last_at"),)
