"""Checks of webhooks: is a secret set, do deliveries arrive and are they accepted."""

from collections.abc import Iterator

from sqlalchemy import Engine

from shared.clock import iso_millis
from shared.database import engine as db
from shared.settings import Settings
from shared.webhooks import health as webhook_health
from shared.webhooks.health import WebhookHealth
from worker.doctor.findings import Finding, fail, ok, warn


def webhooks(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether webhooks can be authenticated, and whether they arrive."""
    if settings.jira_webhook_secret is None and not settings.jira_webhook_token_hash:
        yield warn(
            "webhook_secret",
            "No webhook secret is set: every webhook is answered 401.",
            _registration(settings),
        )
    else:
        yield ok("webhook_secret", "A webhook secret is set.")
    with db.begin(engine) as session:
        health = webhook_health.webhook_health(session)
    yield _deliveries(health, settings)


def _registration(settings: Settings) -> str:
    """What to enter in Jira (docs/webhooks.md)."""
    projects = ", ".join(settings.jira_project)
    jql = f"project in ({projects})" if projects else "project in (your projects)"
    return (
        "In Jira, Settings > System > WebHooks: URL https://YOUR-HOST/api/webhooks/jira, the "
        f"secret of JIRA_WEBHOOK_SECRET, JQL {jql}, events issue created, updated and deleted, "
        "body not excluded (docs/webhooks.md)."
    )


def _deliveries(health: WebhookHealth, settings: Settings) -> Finding:
    count = sum(one.count for one in health.rejected)
    reasons = ", ".join(f"{one.reason} {one.count}" for one in health.rejected)
    rejected = f" {count} were rejected since yesterday ({reasons})." if count else ""
    remedy = f"Compare the webhook with: {_registration(settings)}"
    if health.alarm:
        message = f"{health.unannounced} tickets changed in a day without a webhook.{rejected}"
        return fail("webhooks", message, remedy)
    if health.last_received_at is None:
        return warn("webhooks", f"No webhook has arrived yet.{rejected}", remedy)
    message = f"The last webhook arrived at {iso_millis(health.last_received_at)}.{rejected}"
    return warn("webhooks", message, remedy) if count else ok("webhooks", message)
