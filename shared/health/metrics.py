"""Prometheus metrics of the whole system, read from the database at each scrape."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared import heartbeats
from shared.database.engine import begin, database_time
from shared.sync import summary as sync_summary
from shared.sync.summary import JiraState

_DELIVERIES = text("""
SELECT COALESCE(outcome, 'waiting'), count(*) FROM webhook_deliveries
WHERE received_at > now() - interval '1 hour' GROUP BY 1
""")
_REJECTED = text("""
SELECT reason, CAST(sum(count) AS bigint) FROM webhook_rejections GROUP BY reason
""")


class SystemCollector:
    """Collects all metrics in one transaction, at about the cost of the sync summary.

    Every API process reports the same values, because all of them are read from the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The gauges. Raises DatabaseUnavailableError."""
        with begin(self._engine) as session:
            found = [*_tasks(session), *_jira(session), *_parts(session), *_webhooks(session)]
        yield from found


def _tasks(session: Session) -> Iterator[Metric]:
    tasks = GaugeMetricFamily("routecard_sync_tasks", "Sync tasks by status.", labels=["status"])
    for status, number in sync_summary.counts(session).items():
        tasks.add_metric([status.value], number)
    yield tasks
    failed = GaugeMetricFamily(
        "routecard_sync_tasks_failed", "Failed sync tasks by cause.", labels=["code"]
    )
    for cause in sync_summary.causes(session):
        failed.add_metric([cause.code.value], cause.tasks)
    yield failed
    oldest, now = sync_summary.oldest_waiting(session), database_time(session)
    yield GaugeMetricFamily(
        "routecard_sync_oldest_waiting_seconds",
        "Age of the oldest sync task that waits or runs; 0 if there is none.",
        value=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
    )


def _jira(session: Session) -> Iterator[Metric]:
    health = sync_summary.jira_health(session, as_of=database_time(session))
    states = GaugeMetricFamily(
        "routecard_jira_state", "1 for the state Jira is in, 0 for the others.", labels=["state"]
    )
    for state in JiraState:
        states.add_metric([state.value], float(health.state is state))
    yield states


def _parts(session: Session) -> Iterator[Metric]:
    alive = GaugeMetricFamily(
        "routecard_part_alive",
        "1 if the part writes heartbeats, else 0.",
        labels=["part"],
    )
    for part in heartbeats.parts(session):
        alive.add_metric([part.name], float(part.alive))
    yield alive


def _webhooks(session: Session) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "routecard_webhook_deliveries_waiting",
        "Deliveries that are stored and not applied yet.",
        value=sync_summary.intake(session).waiting,
    )
    recent = GaugeMetricFamily(
        "routecard_webhook_deliveries_last_hour",
        "Deliveries received in the last hour by outcome.",
        labels=["outcome"],
    )
    for outcome, number in session.execute(_DELIVERIES):
        recent.add_metric([outcome], number)
    yield recent
    rejected = CounterMetricFamily(
        "routecard_webhook_rejected", "Webhook requests that were rejected.", labels=["reason"]
    )
    for reason, number in session.execute(_REJECTED):
        rejected.add_metric([reason], number)
    yield rejected
