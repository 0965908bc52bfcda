"""The pause all workers share: why nothing is asked of Jira just now, and until when."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.settings import Settings
from shared.states import WaitCode

PROBE_SECONDS = 30.0
"""How long everybody else waits while one worker tries whether Jira is back."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause in force; ``until`` is None where only a person or new credentials end it."""

    code: WaitCode
    message: str
    since: datetime
    until: datetime | None
    failures: int


def credentials_hash(settings: Settings) -> str:
    """What a pause is keyed by: new credentials or another Jira start with a clean slate."""
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

    Another day than that of ``now`` is named.
    """
    if pause is None:
        return "ok"
    until = _clock_time(pause.until, now=now) if pause.until else "somebody resumes"
    return _SHORT[pause.code].format(since=_clock_time(pause.since, now=now), until=until)


def _clock_time(moment: datetime, *, now: datetime) -> str:
    at = moment.astimezone(UTC)
    form = "%H:%M UTC" if at.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC"
    return at.strftime(form)


_CURRENT = text(
    """
SELECT code, message, since, until, failures FROM jira_pauses
WHERE code IS NOT NULL AND (until IS NULL OR until > now()) {mine}
ORDER BY updated_at DESC LIMIT 1
""".replace("{mine}", "AND updated_at = (SELECT max(updated_at) FROM jira_pauses)")
)
_MINE = text("""
SELECT code, message, since, until, failures FROM jira_pauses
WHERE code IS NOT NULL AND (until IS NULL OR until > now()) AND credentials_hash = :hash
""")


def current(session: Session) -> Pause | None:
    """The pause in force, as the readers see it who do not know the credentials."""
    return _pause(session.execute(_CURRENT).one_or_none())


def mine(session: Session, *, credentials: str) -> Pause | None:
    """The pause in force for these credentials."""
    return _pause(session.execute(_MINE, {"hash": credentials}).one_or_none())


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
    """Stop all calls to Jira for ``delay`` seconds, or without end where it is None.

    Two workers that fail at the same moment make one pause, and one step of its doubling.
    Returns the number of failures in a row. Only a resume ends a CAPTCHA lock.
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
    """Win the right to try once whether Jira is back, for all workers; None where not due or lost.

    Everybody else goes on waiting for ``PROBE_SECONDS`` or until the probe says how it went.
    """
    code = session.scalar(_PROBE, {"hash": credentials, "window": PROBE_SECONDS})
    return WaitCode(code) if code else None


def end(session: Session, *, credentials: str, probe: bool = True) -> None:
    """Jira answered whoever held the probe: the pause is over. A write only where that is news.

    Any other answer is to a question from before the pause: it ends none that is in force, so
    that a Retry-After is kept. Nor does a probe end what began meanwhile and lasts longer, or a
    CAPTCHA lock.
    """
    session.execute(_END, {"hash": credentials, "probe": probe, "window": PROBE_SECONDS})


def failures(session: Session, *, credentials: str, code: WaitCode | None = None) -> int:
    """How many calls in a row have failed so far; of this kind alone, where ``code`` is given."""
    found = session.scalar(
        text(
            "SELECT failures FROM jira_pauses WHERE credentials_hash = :hash "
            "AND (CAST(:code AS text) IS NULL OR code = :code)"
        ),
        {"hash": credentials, "code": code.value if code else None},
    )
    return found or 0


def resume(session: Session) -> int:
    """End every pause by an operator's wish, a CAPTCHA lock too. Returns how many there were."""
    return len(session.execute(_RESUME).all())
