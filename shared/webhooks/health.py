"""Webhook health: the last delivery, rejected requests, changes that no webhook announced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.rows import view_of
from shared.settings import Settings
from shared.states import RejectionReason
from shared.tickets.ticket import Ticket

GRACE_MINUTES = 20
"""How long a webhook may take: Jira promises to send slow ones within 15 minutes."""
WINDOW_HOURS = 24
ALARM_FROM = 3
"""So many unannounced changes within the window raise the alarm."""


def expected(settings: Settings) -> bool:
    """Whether webhooks are configured, so that a missing one is worth reporting."""
    proofs = (
        settings.jira_webhook_secret,
        settings.jira_webhook_token_hash,
        settings.webhook_login,
    )
    return any(proofs)


# A change is unannounced if our copy is older and no delivery about the ticket came since.
_RECORD_UNANNOUNCED = text("""
INSERT INTO unannounced_changes AS u (site_id, issue_id, ticket_key, changed_at)
SELECT t.site_id, v.issue_id, v.key, v.changed_at
FROM unnest(CAST(:ids AS text[]), CAST(:keys AS text[]), CAST(:moments AS timestamptz[]))
    AS v(issue_id, key, changed_at)
JOIN tickets t
    ON t.site_id = :site AND t.issue_id = v.issue_id AND t.jira_updated_at < v.changed_at
WHERE NOT EXISTS (
    SELECT FROM webhook_deliveries d
    WHERE d.issue_id = v.issue_id AND d.received_at >= v.changed_at - interval '1 minute')
    AND COALESCE(t.announced_at, '-infinity') < v.changed_at - interval '1 minute'
ORDER BY v.issue_id
ON CONFLICT (site_id, issue_id) DO UPDATE SET
    ticket_key = excluded.ticket_key, changed_at = excluded.changed_at, found_at = now()
WHERE excluded.changed_at > u.changed_at
""")


def record_unannounced(session: Session, tickets: Sequence[Ticket], *, site_id: int) -> None:
    """Record those of a poll's tickets whose change no webhook has announced so far.

    Call it in the poll's transaction, before the tickets are ingested.
    """
    newest = {t.issue_id: t for t in sorted(tickets, key=lambda t: t.updated_at)}
    values = {
        "site": site_id,
        "ids": list(newest),
        "keys": [t.key for t in newest.values()],
        "moments": [t.updated_at for t in newest.values()],
    }
    session.execute(_RECORD_UNANNOUNCED, values)


_CLEAR_UNANNOUNCED = text(
    "DELETE FROM unannounced_changes WHERE site_id = :site AND issue_id = ANY(:ids)"
)


def clear_unannounced(session: Session, issue_ids: Sequence[str], *, site_id: int) -> None:
    """A webhook about these tickets came."""
    session.execute(_CLEAR_UNANNOUNCED, {"site": site_id, "ids": sorted(issue_ids)})


_COUNT = text("""
INSERT INTO webhook_rejections AS r (day, reason, count, last_at)
SELECT CAST(now() AT TIME ZONE 'UTC' AS date), v.reason, v.count, now()
FROM unnest(CAST(:reasons AS text[]), CAST(:counts AS bigint[])) AS v(reason, count)
ORDER BY v.reason
ON CONFLICT (day, reason) DO UPDATE SET
    count = r.count + excluded.count, last_at = excluded.last_at
""")


def count_rejections(session: Session, counts: Mapping[RejectionReason, int]) -> None:
    """Add to the counts of the day, by reason."""
    values = {"reasons": [r.value for r in counts], "counts": list(counts.values())}
    session.execute(_COUNT, values)


@dataclass(frozen=True, slots=True)
class RejectionCount:
    """Requests rejected for one reason, today and yesterday (UTC)."""

    reason: RejectionReason
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """``unannounced``: tickets that changed within a day without a webhook.

    ``nameless``: deliveries of a day that named no ticket, since Jira did not replace ``variable``
    in their address.
    """

    last_received_at: datetime | None
    waiting: int
    oldest_waiting_at: datetime | None
    unannounced: int
    unannounced_since: datetime | None
    nameless: int
    variable: str | None
    rejected: tuple[RejectionCount, ...]

    @property
    def alarm(self) -> bool:
        """Polls keep finding unannounced changes: the webhook is deleted, filtered or refused."""
        return self.unannounced >= ALARM_FROM


_HEALTH = text("""
SELECT
    (SELECT max(received_at) FROM webhook_deliveries) AS last_received_at,
    (SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE outcome IS NULL LIMIT 10000) w)
        AS waiting,
    (SELECT received_at FROM webhook_deliveries WHERE outcome IS NULL ORDER BY id LIMIT 1)
        AS oldest_waiting_at,
    count(*) AS unannounced, min(found_at) AS unannounced_since
FROM unannounced_changes
WHERE site_id = :site AND found_at BETWEEN now() - make_interval(hours => :window)
    AND now() - make_interval(mins => :grace)
""")
_NAMELESS = text("""
SELECT count(*), max(variable) FROM webhook_deliveries
WHERE variable IS NOT NULL AND received_at > now() - make_interval(hours => :window)
    AND outcome = 'ignored' AND ticket_key IS NULL AND issue_id IS NULL
""")
_REJECTED = text("""
SELECT reason, CAST(sum(count) AS bigint), max(last_at) FROM webhook_rejections
WHERE day >= CAST(now() AT TIME ZONE 'UTC' AS date) - 1
GROUP BY reason ORDER BY max(last_at) DESC
""")


def webhook_health(session: Session, *, site_id: int | None) -> WebhookHealth:
    """The health of webhooks, for the dashboard and `routecard doctor`.

    Unannounced changes are those of this site.
    """
    values = {"site": site_id, "window": WINDOW_HOURS, "grace": GRACE_MINUTES}
    row = session.execute(_HEALTH, values).one()
    rejected = tuple(
        RejectionCount(RejectionReason(reason), count, last)
        for reason, count, last in session.execute(_REJECTED)
    )
    nameless, variable = session.execute(_NAMELESS, {"window": WINDOW_HOURS}).one()
    return view_of(WebhookHealth, row, nameless=nameless, variable=variable, rejected=rejected)
