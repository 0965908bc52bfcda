"""Checks of webhooks: is a proof of origin set up, do deliveries arrive and are they accepted."""

from collections.abc import Iterator

from sqlalchemy import Engine

from shared.clock import iso_millis
from shared.database import engine as db
from shared.settings import Settings
from shared.states import REJECTION_WORDS
from shared.tickets import sites
from shared.webhooks import health as webhook_health
from shared.webhooks.health import WebhookHealth
from worker.doctor.findings import Finding, fail, ok, warn

_VARIABLES = (
    "Correct the webhook's URL in Jira: Jira Cloud replaces {issue.key}, Data Center "
    "${issue.key}. Only a webhook without a body needs them (docs/webhooks.md)."
)


def webhooks(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether webhooks can be authenticated, and whether they arrive."""
    proofs = ", ".join(_proofs(settings))
    if proofs:
        yield ok("webhook_secret", f"Webhooks are accepted with: {proofs}.")
    else:
        yield warn(
            "webhook_secret",
            "No webhook secret is set, nor user and password, nor a token: all are answered 401.",
            f"Set JIRA_WEBHOOK_SECRET (openssl rand -hex 32). {_registration(settings)}",
        )
    with db.begin(engine) as session:
        health = webhook_health.webhook_health(session, site_id=sites.current_id(session, settings))
    yield _deliveries(health, settings)


def _proofs(settings: Settings) -> Iterator[str]:
    if settings.jira_webhook_secret:
        yield "signature"
    if settings.webhook_login:
        yield "user and password"
    if settings.jira_webhook_token_hash:
        yield "token"


def _registration(settings: Settings) -> str:
    """What the webhook in Jira has to be (docs/webhooks.md)."""
    projects = ", ".join(settings.allowed_projects)
    jql = f"project in ({projects})" if projects else "project in (your projects)"
    proof = "user and password" if settings.webhook_login else "secret"
    return (
        "In Jira, Settings > System > WebHooks must list an enabled webhook with URL "
        f"https://YOUR-HOST/api/webhooks/jira, the {proof} set here, JQL {jql}, the events "
        "issue created, updated and deleted (Data Center: also issue link created and deleted), "
        "and its body not excluded (docs/webhooks.md)."
    )


def _deliveries(health: WebhookHealth, settings: Settings) -> Finding:
    message, remedy = " ".join(_messages(health)), _remedy(health, settings)
    if health.alarm:
        return fail("webhooks", message, remedy)
    if health.last_received_at is None or health.rejected or health.nameless:
        return warn("webhooks", message, remedy)
    return ok("webhooks", message)


def _messages(health: WebhookHealth) -> Iterator[str]:
    if health.alarm:
        yield f"{health.unannounced} tickets changed in a day without a webhook."
    elif health.last_received_at is None:
        yield "No webhook has arrived yet."
    else:
        yield f"The last webhook arrived at {iso_millis(health.last_received_at)}."
    if health.rejected:
        count = sum(one.count for one in health.rejected)
        causes = [
            f"{REJECTION_WORDS[one.reason][0].lower()} {one.count}" for one in health.rejected
        ]
        yield f"{count} were rejected since yesterday: {', '.join(causes)}."
    if health.nameless:
        yield f"{health.nameless} named no ticket, as Jira sent {health.variable} as it stands."


def _remedy(health: WebhookHealth, settings: Settings) -> str:
    """For the likeliest cause: the newest rejection, then the address, then the form."""
    if health.rejected:
        return REJECTION_WORDS[health.rejected[0].reason][1]
    return _VARIABLES if health.nameless else _registration(settings)
