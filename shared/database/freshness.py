"""Cheap signs that something a page shows has changed, so that what did not is not read again."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

SETTLED_SECONDS = 10.0
"""A change younger than this may not be the last of its moment: times are those of the begin of
a transaction, and one that began before may end after."""
UNSEEN_SECONDS = 30
"""What leaves no trace in a sign, such as a row that was deleted, is seen after so long."""


class Topic(StrEnum):
    """What a page can be about; each value reads as its sign and the moment of its last change."""

    TASKS = "tasks"
    JOBS = "jobs"
    DELIVERIES = "deliveries"
    JIRA = "jira"
    FLOOR = "floor"
    """Units and paths: what was last done to a unit, and the newest path."""
    TICKETS = "tickets"
    """Our copy of Jira's tickets."""
    POLL = "poll"
    """How far the poll has got."""
    EXAMINATIONS = "examinations"
    """What the doctor said, and whether it is asked."""
    AUDIT = "audit"
    LIFE = "life"
    """Who is alive; it changes where somebody falls silent or comes back."""
    MINUTE = "minute"
    """The minute on the clock, for what shows the last hour."""


class Sign(NamedTuple):
    """Equal signs, equal pages; only where ``settled``, unequal ones else."""

    text: str
    settled: bool


# Each is the last entry of an index, or a table of a few rows.
_LAST: dict[Topic, str] = {
    Topic.TASKS: "SELECT NULL::text AS sign, max(updated_at) AS at FROM sync_tasks",
    Topic.JOBS: "SELECT NULL, max(updated_at) FROM jobs",
    Topic.DELIVERIES: (
        "SELECT (SELECT count(*) || '/' || sum(tries) FROM webhook_deliveries "
        "WHERE outcome IS NULL), max(received_at) FROM webhook_deliveries"
    ),
    Topic.JIRA: (
        "SELECT string_agg(concat(code, since, until, until > now()), ';'), "
        "max(updated_at) FILTER (WHERE code IS NOT NULL) FROM jira_pauses"
    ),
    Topic.FLOOR: (
        "SELECT concat((SELECT max(id) FROM serial_events), '/', (SELECT max(id) FROM paths)), "
        "(SELECT at FROM serial_events ORDER BY id DESC LIMIT 1)"
    ),
    Topic.TICKETS: "SELECT NULL, max(verified_at) FROM tickets",
    Topic.POLL: "SELECT NULL, max(updated_at) FROM jira_polls",
    Topic.EXAMINATIONS: (
        "SELECT concat(id, started_at, ended_at), COALESCE(ended_at, started_at, asked_at) "
        "FROM (SELECT * FROM examinations ORDER BY id DESC LIMIT 1) AS e"
    ),
    Topic.AUDIT: (
        "SELECT a.id || a.counts::text, COALESCE(a.ended_at, now()) "
        "FROM (SELECT * FROM audit_events ORDER BY id DESC LIMIT 1) AS a"
    ),
    Topic.LIFE: (
        "SELECT string_agg(name, ' ' ORDER BY name), NULL::timestamptz FROM heartbeats "
        "WHERE seen_at > now() - interval '10 seconds'"
    ),
    Topic.MINUTE: "SELECT date_trunc('minute', now())::text, NULL::timestamptz",
}


def sign(session: Session, topics: Sequence[Topic]) -> Sign:
    """How these topics stand now, by one statement that reads a few rows."""
    looks = " UNION ALL ".join(f"({_LAST[topic]})" for topic in topics)
    statement = text(f"""
        SELECT concat(string_agg(concat(sign, '@', at), '|'),
                '|', floor(EXTRACT(epoch FROM now()) / :unseen)) AS text,
            COALESCE(max(at) < now() - make_interval(secs => :seconds), true) AS settled
        FROM ({looks}) AS looks(sign, at)
    """)  # noqa: S608  constants alone
    values = {"seconds": SETTLED_SECONDS, "unseen": UNSEEN_SECONDS}
    return Sign._make(session.execute(statement, values).one())
