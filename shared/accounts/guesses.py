"""Wrong guesses of passwords: each makes the next one wait longer (docs/adr/0017)."""

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import AppError

KNOWN_DAYS = 30
"""How long a network counts as an operator's own after a login from it."""
SHORT_SECONDS = 4
"""The longest wait that guesses of others can cause."""
_EXPIRY = "1 day"

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class LoginDelayedError(AppError):
    """Too many wrong guesses; the next is checked after ``seconds``."""

    code = "login_delayed"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many failed logins. Try again in {_words(seconds)}.")
        self.seconds = seconds


def _words(seconds: int) -> str:
    if seconds < 60:  # noqa: PLR2004  a minute
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = math.ceil(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


@dataclass(frozen=True, slots=True)
class Growth:
    """The wait after each wrong guess: none for the first ones, then growing.

    After ``free`` wrong guesses in a row it is ``first`` seconds; each further one doubles it, up
    to ``longest``.
    """

    free: int
    first: int
    longest: int


PAIR = Growth(free=3, first=1, longest=15 * 60)
"""Of one account from one network."""
NETWORK = Growth(free=20, first=30, longest=15 * 60)
"""Of all accounts together from one network."""
ACCOUNT = Growth(free=10, first=1, longest=SHORT_SECONDS)
"""Of one account from all networks together."""


@dataclass(frozen=True, slots=True)
class _Counter:
    subject: str
    growth: Growth


@dataclass(frozen=True, slots=True)
class Guess:
    """A name and the address, as text, that tries to log in with it."""

    name: str
    address: str

    @property
    def network(self) -> str | None:
        """What counts as one address of a person: for IPv6 a /64 network; None if unknown."""
        return _network(self.address, prefix=64)

    def counters(self, *, known: bool) -> list[_Counter]:
        """What this guess counts for. ``known``: the account has logged in from this network."""
        pair = _Counter(f"pair:{self.network} {self.name}", self._here(PAIR))
        if known:
            return [pair]
        # A provider gives its customers at least a /64 of IPv6, and for the asking a /48.
        network = _Counter(f"address:{_network(self.address, prefix=48)}", self._here(NETWORK))
        return [pair, network, _Counter(f"name:{self.name}", ACCOUNT)]

    def _here(self, growth: Growth) -> Growth:
        """Everybody may share the address of a proxy on this machine, or one we cannot read."""
        ip = _parsed(self.address)
        if ip is not None and not ip.is_loopback:
            return growth
        return Growth(growth.free, min(growth.first, SHORT_SECONDS), SHORT_SECONDS)


def _parsed(address: str) -> _IPAddress | None:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def host(address: str) -> str | None:
    """The address as PostgreSQL's ``inet`` stores it; None if it is none."""
    ip = _parsed(address)
    return None if ip is None else str(ip)


def _network(address: str, *, prefix: int) -> str | None:
    ip = _parsed(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(ip), prefix), strict=False))
    return None if ip is None else str(ip)


_KNOWN = text("""
SELECT EXISTS (
    SELECT FROM operator_sessions AS s JOIN operators AS o ON o.id = s.operator_id
    WHERE o.name = :name AND o.removed_at IS NULL
        AND s.address <<= CAST(:network AS inet)
        AND s.created_at > now() - make_interval(days => :days))
""")
# While a wait lasts, the row is left as it is and nothing is returned.
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
WHERE g.locked_until IS NULL OR g.locked_until <= now() OR NOT :waits
RETURNING failures
""")  # noqa: S608  a constant of ours
_LEFT = text("""
SELECT extract(epoch FROM max(locked_until) - now()) FROM login_failures
WHERE subject = ANY(:subjects)
""")
_TIDY = text(f"""
DELETE FROM login_failures WHERE subject IN (
    SELECT subject FROM login_failures WHERE last_at < now() - interval '{_EXPIRY}'
    ORDER BY last_at LIMIT 20 FOR UPDATE SKIP LOCKED)
""")  # noqa: S608  a constant of ours


def count(session: Session, guess: Guess) -> list[str]:
    """Count a guess before it is checked, so that many at once gain nothing.

    Returns what it was counted for, for ``forgive``. Raises LoginDelayedError; then nothing is
    counted, if the caller rolls back.
    """
    session.execute(_TIDY)
    counters = guess.counters(known=_known(session, guess))
    subjects = [counter.subject for counter in counters]
    pair, *shared = counters
    # Waiting for the guesses of others begins with one's own second: else someone who guesses
    # from many networks would take every turn of an account, and its operator would get none.
    before = _count(session, pair) - 1
    if before >= 0 and all(_count(session, c, waits=_waits(c, before)) for c in shared):
        return subjects
    raise LoginDelayedError(_seconds_left(session, subjects))


def _known(session: Session, guess: Guess) -> bool:
    values = {"name": guess.name, "network": guess.network, "days": KNOWN_DAYS}
    return bool(session.scalar(_KNOWN, values))


def _waits(counter: _Counter, before: int) -> bool:
    return counter.growth is not ACCOUNT or before > 0


def _count(session: Session, counter: _Counter, *, waits: bool = True) -> int:
    """The guesses so far with this one; 0 if it has to wait."""
    growth = counter.growth
    values = {
        "subject": counter.subject,
        "waits": waits,
        "free": growth.free,
        "first": growth.first,
        "longest": growth.longest,
    }
    return session.scalar(_COUNT, values) or 0


def _seconds_left(session: Session, subjects: Sequence[str]) -> int:
    return max(1, math.ceil(session.scalar(_LEFT, {"subjects": list(subjects)}) or 0))


_FORGET_PAIR = text("DELETE FROM login_failures WHERE subject = :subject")
# Others share these: a login of one must not clear the guesses of the others.
_FORGIVE_ONE = text("""
UPDATE login_failures SET failures = GREATEST(failures - 1, 0), locked_until = NULL
WHERE subject = ANY(:subjects)
""")
_FORGET_NAME = text("""
DELETE FROM login_failures WHERE subject = 'name:' || :name
    OR subject LIKE 'pair:%' AND substr(subject, strpos(subject, ' ') + 1) = :name
""")


def forgive(session: Session, subjects: Sequence[str]) -> None:
    """Take back a guess that was right, and forget the wrong ones of this account from there."""
    pair, *shared = subjects
    session.execute(_FORGET_PAIR, {"subject": pair})
    session.execute(_FORGIVE_ONE, {"subjects": shared})


def forget(session: Session, name: str) -> None:
    """Forget all guesses at one account."""
    session.execute(_FORGET_NAME, {"name": name})
