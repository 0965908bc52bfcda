"""The summary of all sync tasks. Its cost depends on the backlog, not on the history."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import heartbeats
from shared.database.engine import database_time
from shared.heartbeats import Part
from shared.states import FailureCode, TaskStatus, WaitCode
from shared.sync import pauses

HOUR_SAMPLE = 5000
"""Median and 99th percentile are computed from so many of the last hour's newest fills."""


class JiraState(StrEnum):
    """The state of our access to Jira (spec/API.md, sync summary)."""

    OK = "ok"
    UNKNOWN = "unknown"
    LIMITED = "limited"
    DOWN = "down"
    CREDENTIALS_REFUSED = "credentials_refused"
    CAPTCHA = "captcha"


_STATES = {
    WaitCode.RATE_LIMITED: JiraState.LIMITED,
    WaitCode.JIRA_DOWN: JiraState.DOWN,
    WaitCode.CREDENTIALS_REFUSED: JiraState.CREDENTIALS_REFUSED,
    WaitCode.CAPTCHA_LOCK: JiraState.CAPTCHA,
}


class JiraHealth(NamedTuple):
    """``until`` is the time of the next try; None: now, or when an operator resumes."""

    state: JiraState
    words: str
    message: str | None
    since: datetime | None
    until: datetime | None
    last_ok_at: datetime | None


class Minute(NamedTuple):
    """Tasks that ended in the minute that began at ``at``."""

    at: datetime
    filled: int
    failed: int


class Hour(NamedTuple):
    """The last hour by minute; times from create to fill in seconds, None without fills."""

    minutes: list[Minute]
    median_seconds: float | None
    p99_seconds: float | None

    @property
    def filled(self) -> int:
        """Fills of the hour."""
        return sum(minute.filled for minute in self.minutes)

    @property
    def failed(self) -> int:
        """Failures of the hour."""
        return sum(minute.failed for minute in self.minutes)


class Cause(NamedTuple):
    """Number of failed tasks with one cause."""

    code: FailureCode
    tasks: int


class Intake(NamedTuple):
    """Webhook deliveries: not applied yet, received in the last hour, rejected today."""

    waiting: int
    oldest_waiting_at: datetime | None
    received_last_hour: int
    last_received_at: datetime | None
    rejected_today: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary; ``as_of`` is by the database's clock.

    ``quantity_unknown`` is how many jobs wait for someone to set their quantity.
    """

    as_of: datetime
    counts: dict[TaskStatus, int]
    oldest_waiting_at: datetime | None
    hour: Hour
    jira: JiraHealth
    parts: list[Part]
    intake: Intake
    quantity_unknown: int
    causes: list[Cause] = field(default_factory=list)


def summary(session: Session) -> Summary:
    """Read everything that the first page of the dashboard shows."""
    as_of = database_time(session)
    return Summary(
        as_of=as_of,
        counts=counts(session),
        oldest_waiting_at=oldest_waiting(session),
        hour=last_hour(session),
        jira=jira_health(session, as_of=as_of),
        parts=heartbeats.parts(session),
        intake=intake(session),
        quantity_unknown=quantity_unknown(session),
        causes=causes(session),
    )


# A filled task stays filled, so the stored count never has to be counted again.
_COUNTS = text("""
SELECT status, count(*) FROM sync_tasks WHERE status <> 'filled' GROUP BY status
UNION ALL
SELECT 'filled', y.filled + (
    SELECT count(*) FROM sync_tasks t WHERE t.status = 'filled' AND t.filled_at > y.until)
FROM filled_count y
""")
_OLDEST = text("""
SELECT min(created_at) FROM (
    (SELECT created_at FROM sync_tasks WHERE status = 'pending' AND status <> 'filled'
        ORDER BY created_at LIMIT 1)
    UNION ALL
    (SELECT created_at FROM sync_tasks WHERE status = 'running' AND status <> 'filled'
        ORDER BY created_at LIMIT 1)) AS oldest
""")
_QUANTITY_UNKNOWN = text("SELECT count(*) FROM jobs WHERE quantity_unread IS NOT NULL")
_CAUSES = text("""
SELECT error_code, count(*) FROM sync_tasks
WHERE error_code IS NOT NULL AND status = 'failed' GROUP BY error_code
ORDER BY count(*) DESC, error_code
""")


def counts(session: Session) -> dict[TaskStatus, int]:
    """The exact number of tasks in each status."""
    found = {TaskStatus(row[0]): int(row[1]) for row in session.execute(_COUNTS)}
    return {status: found.get(status, 0) for status in TaskStatus}


def oldest_waiting(session: Session) -> datetime | None:
    """When the oldest pending or running task was created."""
    found: datetime | None = session.scalar(_OLDEST)
    return found


def quantity_unknown(session: Session) -> int:
    """How many jobs wait for someone to set their quantity."""
    return int(session.scalar(_QUANTITY_UNKNOWN) or 0)


def causes(session: Session) -> list[Cause]:
    """Failed tasks by cause, the most frequent first."""
    return [Cause(FailureCode(row[0]), row[1]) for row in session.execute(_CAUSES)]


_UPDATE_FILLED_COUNT = text("""
UPDATE filled_count y SET until = n.until, filled = y.filled + (
    SELECT count(*) FROM sync_tasks t
    WHERE t.status = 'filled' AND t.filled_at > y.until AND t.filled_at <= n.until)
FROM (SELECT now() - interval '10 minutes' AS until) AS n
WHERE n.until > y.until
""")


def update_filled_count(session: Session) -> None:
    """Add what was filled since the last time, up to ten minutes ago, to the stored count.

    No transaction lasts that long (shared.database.engine), so no fill from before that time can
    still be committed.
    """
    session.execute(_UPDATE_FILLED_COUNT)


_MINUTES = text("""
WITH minutes AS (
    SELECT generate_series(date_trunc('minute', now()) - interval '59 minutes',
        date_trunc('minute', now()), interval '1 minute') AS at
), filled AS (
    SELECT date_trunc('minute', filled_at) AS at, count(*) AS n FROM sync_tasks
    WHERE status = 'filled' AND filled_at >= date_trunc('minute', now()) - interval '59 minutes'
    GROUP BY 1
), failed AS (
    SELECT date_trunc('minute', ended_at) AS at, count(*) AS n FROM sync_attempts
    WHERE outcome = 'failed' AND ended_at >= date_trunc('minute', now()) - interval '59 minutes'
    GROUP BY 1
)
SELECT at, COALESCE(filled.n, 0), COALESCE(failed.n, 0)
FROM minutes LEFT JOIN filled USING (at) LEFT JOIN failed USING (at) ORDER BY at
""")
_TIMES = text("""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY took),
    percentile_cont(0.99) WITHIN GROUP (ORDER BY took)
FROM (
    SELECT EXTRACT(epoch FROM filled_at - created_at)::float8 AS took FROM sync_tasks
    WHERE status = 'filled' AND filled_at > now() - interval '1 hour'
    ORDER BY filled_at DESC LIMIT :sample) AS newest
""")


def last_hour(session: Session) -> Hour:
    """Fills and failures by minute, and how long fills took after the create."""
    minutes = [Minute(*row) for row in session.execute(_MINUTES)]
    median, p99 = session.execute(_TIMES, {"sample": HOUR_SAMPLE}).one()
    return Hour(minutes, median, p99)


_JIRA = text("""
SELECT code, message, since, until, until > now() AS in_force, last_ok_at
FROM jira_pauses ORDER BY updated_at DESC LIMIT 1
""")


def jira_health(session: Session, *, as_of: datetime) -> JiraHealth:
    """The state of our access to Jira. A pause that has run out is shown until a call succeeds."""
    row = session.execute(_JIRA).one_or_none()
    if row is None:
        return JiraHealth(JiraState.UNKNOWN, "not asked yet", None, None, None, None)
    if row.code is None:
        state = JiraState.OK if row.last_ok_at else JiraState.UNKNOWN
        words = "ok" if row.last_ok_at else "not asked yet"
        return JiraHealth(state, words, None, None, None, row.last_ok_at)
    code = WaitCode(row.code)
    pause = pauses.Pause(code, row.message, row.since, row.until, 0)
    over = row.in_force is False
    words = "trying again now" if over else pauses.in_words(pause, now=as_of)
    until = None if over else row.until
    return JiraHealth(_STATES[code], words, row.message, row.since, until, row.last_ok_at)


_INTAKE = text("""
SELECT (SELECT count(*) FROM webhook_deliveries WHERE outcome IS NULL),
    (SELECT received_at FROM webhook_deliveries WHERE outcome IS NULL ORDER BY id LIMIT 1),
    (SELECT count(*) FROM webhook_deliveries WHERE received_at > now() - interval '1 hour'),
    (SELECT max(received_at) FROM webhook_deliveries),
    (SELECT CAST(COALESCE(sum(count), 0) AS bigint) FROM webhook_rejections
        WHERE day = (now() AT TIME ZONE 'UTC')::date)
""")


def intake(session: Session) -> Intake:
    """Count the webhook deliveries."""
    return Intake(*session.execute(_INTAKE).one())
