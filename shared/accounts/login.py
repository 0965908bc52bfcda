"""Logging in to the dashboard, and the lock-out after too many wrong guesses."""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared.accounts import operators
from shared.accounts.operators import OperatorView
from shared.database.engine import in_transaction
from shared.errors import AppError
from shared.logs import get_logger

log = get_logger(__name__)

FREE_GUESSES = {"name": 5, "address": 20}
"""Wrong guesses in a row before the lock-out begins."""
FIRST_LOCK_SECONDS = 30
LONGEST_LOCK_SECONDS = 15 * 60
"""The lock-out doubles with each further wrong guess, up to this."""
_EXPIRY = "1 day"


class BadLoginError(AppError):
    """Name or password is wrong; the message does not say which."""

    code = "bad_login"


class LockedOutError(AppError):
    """Too many guesses; the next is checked after ``seconds``."""

    code = "locked_out"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many failed logins. Try again in {_words(seconds)}.")
        self.seconds = seconds


def _words(seconds: int) -> str:
    if seconds < 60:  # noqa: PLR2004  a minute
        return f"{seconds} seconds"
    minutes = math.ceil(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


@dataclass(frozen=True, slots=True)
class _Subject:
    kind: str
    value: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.value}"


def log_in(engine: Engine, name: str, *, password: str, address: str) -> OperatorView:
    """The operator of this name and password.

    Every guess is counted before it is checked, so that many at once gain nothing; a success
    removes its own count. Raises BadLoginError or LockedOutError.
    """
    subjects = (_Subject("address", network_of(address)), _Subject("name", name.strip()[:100]))
    in_transaction(engine, lambda s: _count(s, subjects))
    secret = in_transaction(engine, lambda s: operators.secret_of(s, name.strip()))
    if not operators.verify(secret, password) or secret is None:
        log.warning("login_failed", operator=name.strip()[:100], address=address)
        raise BadLoginError("Name or password is wrong.")
    operator = secret.operator
    in_transaction(engine, lambda s: _succeeded(s, subjects, operator))
    log.info("login_succeeded", operator=operator.name, address=address)
    return operator


def network_of(address: str) -> str:
    """What counts as one address: for IPv6 the /64 network of one subscriber."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 6:  # noqa: PLR2004  of the Internet Protocol
        return str(ipaddress.ip_network(f"{ip}/64", strict=False))
    return str(ip)


_COUNT = text(f"""
INSERT INTO login_failures AS g (subject, failures) VALUES (:subject, 1)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN g.last_at < now() - interval '{_EXPIRY}' THEN 1 ELSE g.failures + 1 END,
    last_at = now(),
    locked_until = CASE
        WHEN g.last_at >= now() - interval '{_EXPIRY}' AND g.failures + 1 >= :free
        THEN now() + make_interval(secs => LEAST(
            CAST(:longest AS float8),
            CAST(:first AS float8) * 2 ^ LEAST(g.failures + 1 - :free, 30))) END
WHERE g.locked_until IS NULL OR g.locked_until <= now()
RETURNING failures
""")  # noqa: S608  a constant of ours
_LOCKED = text("SELECT locked_until, now() AS moment FROM login_failures WHERE subject = :subject")
_TIDY = text(f"""
DELETE FROM login_failures WHERE subject IN (
    SELECT subject FROM login_failures WHERE last_at < now() - interval '{_EXPIRY}'
    ORDER BY last_at LIMIT 20 FOR UPDATE SKIP LOCKED)
""")  # noqa: S608  a constant of ours


def _count(session: Session, subjects: tuple[_Subject, ...]) -> None:
    session.execute(_TIDY)
    for subject in subjects:
        values = {
            "subject": subject.key,
            "free": FREE_GUESSES[subject.kind],
            "first": FIRST_LOCK_SECONDS,
            "longest": LONGEST_LOCK_SECONDS,
        }
        if session.scalar(_COUNT, values) is None:
            raise LockedOutError(_seconds_left(session, subject))


def _seconds_left(session: Session, subject: _Subject) -> int:
    row = session.execute(_LOCKED, {"subject": subject.key}).one()
    until: datetime | None = row.locked_until
    return max(1, math.ceil((until - row.moment).total_seconds())) if until else 1


_FORGIVE_NAME = text("DELETE FROM login_failures WHERE subject = :subject")
# Many people may share an address: a login of one must not clear the guesses of the others.
_FORGIVE_ADDRESS = text("""
UPDATE login_failures SET failures = GREATEST(failures - 1, 0), locked_until = NULL
WHERE subject = :subject
""")


def _succeeded(session: Session, subjects: tuple[_Subject, ...], operator: OperatorView) -> None:
    address, name = subjects
    session.execute(_FORGIVE_ADDRESS, {"subject": address.key})
    session.execute(_FORGIVE_NAME, {"subject": name.key})
    operators.note_login(session, operator.id)
