"""Whether webhooks still come: when the last one did, who was turned away, what none announced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.settings import Settings
from shared.states import RejectionReason
from shared.tickets.ticket import Ticket

GRACE_MINUTES = 20
"""How long a webhook may be under way: Jira means to send the slow ones within 15 minutes."""
WINDOW_HOURS = 24
ALARM_FROM = 3
"""So many tickets that changed unannounced within the window are no accident."""


def expected(settings: Settings) -> bool:
    """Whether webhooks are meant to come at all, so that a missing one is worth a word."""
    return settings.jira_webhook_secret is not None or bool(settings.jira_webhook_token_hash)


# Called before the poll's tickets are absorbed: a change is news only against our older copy.
_NOTE = text("""
INSERT INTO unannounced_changes AS u (issue_id, ticket_key, changed_at)
SELECT v.issue_id, v.key, v.changed_at
FROM unnest(CAST(:ids AS text[]), CAST(:keys AS text[]), CAST(:moments AS timestamptz[]))
    AS v(issue_id, key, changed_at)
JOIN tickets t ON t.issue_id = v.issue_id AND t.jira_updated_at < v.changed_at
WHERE NOT EXISTS (
    SELECT FROM webhook_deliveries d
    WHERE d.issue_id = v.issue_id AND d.received_at >= v.changed_at - interval '1 minute')
ORDER BY v.issue_id
ON CONFLICT (issue_id) DO UPDATE SET
    ticket_key = excluded.ticket_key, changed_at = excluded.changed_at, found_at = now()
WHERE excluded.changed_at > u.changed_at
""")


def note_polled(session: Session, tickets: Sequence[Ticket]) -> None:
    """Remember those of a poll's tickets whose change no webhook announced so far.

    Call it in the poll's transaction, before the tickets are absorbed.
    """
    newest = {t.issue_id: t for t in sorted(tickets, key=lambda t: t.updated_at)}
    values = {
        "ids": list(newest),
        "keys": [t.key for t in newest.values()],
        "moments": [t.updated_at for t in newest.values()],
    }
    session.execute(_NOTE, values)


_ANNOUNCED = text("DELETE FROM unannounced_changes WHERE issue_id = ANY(:ids)")


def announced(session: Session, issue_ids: Sequence[str]) -> None:
    """A webhook about these tickets came after all."""
    session.execute(_ANNOUNCED, {"ids": sorted(issue_ids)})


_COUNT = text("""
INSERT INTO webhook_rejections AS r (day, reason, count, last_at)
SELECT CAST(now() AT TIME ZONE 'UTC' AS date), v.reason, v.count, now()
FROM unnest(CAST(:reasons AS text[]), CAST(:counts AS bigint[])) AS v(reason, count)
ORDER BY v.reason
ON CONFLICT (day, reason) DO UPDATE SET
    count = r.count + excluded.count, last_at = excluded.last_at
""")


def count_rejections(session: Session, counts: Mapping[RejectionReason, int]) -> None:
    """Add up what was turned away, on the row of the day and the reason."""
    values = {"reasons": [r.value for r in counts], "counts": list(counts.values())}
    session.execute(_COUNT, values)


@dataclass(frozen=True, slots=True)
class RejectionCount:
    """Requests turned away for one reason within the last day or two."""

    reason: RejectionReason
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """How well we hear Jira: ``unannounced`` tickets changed within a day without a webhook."""

    last_received_at: datetime | None
    waiting: int
    oldest_waiting_at: datetime | None
    unannounced: int
    unannounced_since: datetime | None
    rejected: tuple[RejectionCount, ...]

    @property
    def alarm(self) -> bool:
        """Polls keep finding what no webhook announced: the hook is gone, filtered or refused."""
        return self.unannounced >= ALARM_FROM


_HEARING = text("""
SELECT
    (SELECT max(received_at) FROM webhook_deliveries) AS last_received_at,
    (SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE outcome IS NULL LIMIT 10000) w)
        AS waiting,
    (SELECT received_at FROM webhook_deliveries WHERE outcome IS NULL ORDER BY id LIMIT 1)
        AS oldest_waiting_at,
    count(*) AS unannounced, min(found_at) AS unannounced_since
FROM unannounced_changes
WHERE found_at BETWEEN now() - make_interval(hours => :window)
    AND now() - make_interval(mins => :grace)
""")
_REJECTED = text("""
SELECT reason, CAST(sum(count) AS bigint), max(last_at) FROM webhook_rejections
WHERE day >= CAST(now() AT TIME ZONE 'UTC' AS date) - 1
GROUP BY reason ORDER BY max(last_at) DESC
""")


def hearing(session: Session) -> WebhookHealth:
    """What the readiness answer, the summary and `routecard doctor` say about webhooks."""
    row = session.execute(_HEARING, {"window": WINDOW_HOURS, "grace": GRACE_MINUTES}).one()
    turned = tuple(
        RejectionCount(RejectionReason(reason), count, last)
        for reason, count, last in session.execute(_REJECTED)
    )
    return WebhookHealth(
        row.last_received_at,
        row.waiting,
        row.oldest_waiting_at,
        row.unannounced,
        row.unannounced_since,
        turned,
    )
