"""The stored state of the circuit breaker: the pause that all workers share."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.settings import Settings
from shared.states import WaitCode

PROBE_SECONDS = 30.0
"""How long the other workers wait while one probes whether Jira is back."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause in force; ``until`` None: only an operator or new credentials end it."""

    code: WaitCode
    message: str
    since: datetime
    until: datetime | None
    failures: int


def credentials_hash(settings: Settings) -> str:
    """The key of a pause: it does not hold for new credentials or another Jira."""
    secrets = (settings.jira_api_token, settings.jira_pat)
    parts = [settings.jira_base_url, settings.jira_email]
    parts += [s.get_secret_value() if s else "" for s in secrets]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


_SHORT: dict[WaitCode, str] = {
    WaitCode.JIRA_DOWN: "down since {since}",
    WaitCode.RATE_LIMITED: "limited until {until}",
    WaitCode.CREDENTIALS_REFUSED: "credentials refused since {since}",
    WaitCode.CAPTCHA_LOCK: "account locked behind a CAPTCHA since {since}",
}


def in_words(pause: Pause | None, *, now: datetime) -> str:
    """Jira's state in a few words: ``ok``, ``limited until 10:42 UTC``, ``down since 10:31 UTC``.

    The date is added if it is not that of ``now``.
    """
    if pause is None:
        return "ok"
    until = _clock_time(pause.until, now=now) if pause.until else "an operator resumes"
    return _SHORT[pause.code].format(since=_clock_time(pause.since, now=now), until=until)


def _clock_time(moment: datetime, *, now: datetime) -> str:
    at = moment.astimezone(UTC)
    form = "%H:%M UTC" if at.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC"
    return at.strftime(form)


_CURRENT = text("""
SELECT code, message, since, until, failures FROM jira_pauses
WHERE code IS NOT NULL AND (until IS NULL OR until > now())
    AND updated_at = (SELECT max(updated_at) FROM jira_pauses)
LIMIT 1
""")
_IN_FORCE = text("""
SELECT code, message, since, until, failures FROM jira_pauses
WHERE code IS NOT NULL AND (until IS NULL OR until > now()) AND credentials_hash = :hash
""")


def current(session: Session) -> Pause | None:
    """The pause in force, for readers that do not know the credentials."""
    return _pause(session.execute(_CURRENT).one_or_none())


def in_force(session: Session, *, credentials: str) -> Pause | None:
    """The pause in force for these credentials."""
    return _pause(session.execute(_IN_FORCE, {"hash": credentials}).one_or_none())


def _pause(row: Row[Any] | None) -> Pause | None:
    if row is None:
        return None
    return Pause(WaitCode(row.code), row.message, row.since, row.until, row.failures)


_BEGIN = text("""
INSERT INTO jira_pauses AS p (credentials_hash, code, message, since, until, failures)
VALUES (:hash, :code, :message, now(), now() + make_interval(secs => :delay), 1)
ON CONFLICT (credentials_hash) DO UPDATE SET
    since = CASE WHEN p.code = excluded.code THEN p.since ELSE now() END,
    code = excluded.code, message = excluded.message,
    until = CASE WHEN excluded.until IS NULL THEN NULL
        WHEN :probe THEN excluded.until
        ELSE GREATEST(excluded.until, CASE WHEN p.until > now() THEN p.until END) END,
    failures = CASE WHEN p.code IS DISTINCT FROM excluded.code THEN 1
        ELSE p.failures + CASE WHEN p.until > now() AND NOT :probe THEN 0 ELSE 1 END END,
    updated_at = now()
WHERE p.code IS DISTINCT FROM 'captcha_lock' OR excluded.code = 'captcha_lock'
RETURNING failures
""")


def begin(
    session: Session,
    *,
    credentials: str,
    code: WaitCode,
    message: str,
    delay: float | None,
    probe: bool = False,
) -> int:
    """Stop all calls to Jira for ``delay`` seconds, or until a resume if it is None.

    Two workers that fail at the same moment cause one pause and count as one failure in a row,
    unless ``probe`` says that this worker held the probe. Only a resume ends a CAPTCHA lock.
    Returns the number of failures in a row.
    """
    values = {"hash": credentials, "code": code.value, "message": message, "delay": delay}
    return session.scalar(_BEGIN, {**values, "probe": probe}) or 1


_PROBE = text("""
UPDATE jira_pauses SET until = now() + make_interval(secs => :window), updated_at = now()
WHERE credentials_hash = :hash AND code IS NOT NULL AND until <= now()
RETURNING code
""")
_END = text("""
INSERT INTO jira_pauses AS p (credentials_hash, last_ok_at) VALUES (:hash, now())
ON CONFLICT (credentials_hash) DO UPDATE SET
    code = NULL, message = NULL, since = NULL, until = NULL, failures = 0,
    last_ok_at = now(), updated_at = now()
WHERE CASE WHEN p.code IS NULL
    THEN p.last_ok_at IS NULL OR p.last_ok_at < now() - interval '10 seconds'
    ELSE p.until <= now() + make_interval(secs => CASE WHEN :probe THEN :window ELSE 0 END) END
""")
_RESUME = text("""
UPDATE jira_pauses SET code = NULL, message = NULL, since = NULL, until = NULL, failures = 0,
    updated_at = now()
WHERE code IS NOT NULL RETURNING credentials_hash
""")


def take_probe(session: Session, *, credentials: str) -> WaitCode | None:
    """Take the probe: the right to try once, for all workers, whether Jira is back.

    None if the pause still holds or another worker has the probe. The others wait for
    ``PROBE_SECONDS`` or until the probe has ended.
    """
    code = session.scalar(_PROBE, {"hash": credentials, "window": PROBE_SECONDS})
    return WaitCode(code) if code else None


def end(session: Session, *, credentials: str, probe: bool = True) -> None:
    """A call succeeded. ``probe``: the caller held the probe, so its pause is over.

    Without the probe the call may have started before the pause, so it ends no pause in force:
    a Retry-After is kept. A probe does not end a longer pause that began meanwhile, nor a CAPTCHA
    lock. Writes only if something changes.
    """
    session.execute(_END, {"hash": credentials, "probe": probe, "window": PROBE_SECONDS})


def failures(session: Session, *, credentials: str, code: WaitCode | None = None) -> int:
    """How many calls in a row have failed so far, or only those that failed with ``code``."""
    found = session.scalar(
        text(
            "SELECT failures FROM jira_pauses WHERE credentials_hash = :hash "
            "AND (CAST(:code AS text) IS NULL OR code = :code)"
        ),
        {"hash": credentials, "code": code.value if code else None},
    )
    return found or 0


def resume(session: Session) -> int:
    """End every pause for an operator, a CAPTCHA lock included. Returns how many there were."""
    return len(session.execute(_RESUME).all())
