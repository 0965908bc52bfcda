"""More seed data: deliveries, copies of tickets, a path with units, audit events."""

import random
from datetime import timedelta

import orjson
from sqlalchemy import Engine, insert, text

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.accounts.credentials import Actor
from shared.database.engine import begin
from shared.ids import Prefix, new_id
from shared.models import Delivery, TicketCopy, table_of
from shared.settings import Settings
from shared.states import ActorKind
from tests.dsl import api_client, site_id
from tests.support.data.shop import Shop

_REASONS = {
    "filled": "One waiting job was filled.",
    "noted": "Our copy of the ticket was brought up to date.",
    "unlinked": "No job of ours names this ticket.",
    "stale": "Our copy of the ticket is newer.",
    "ignored": "A comment changes nothing that we use.",
    "failed": "Applying it stopped the worker five times; it is set aside.",
}
_OUTCOMES = ("filled",) * 30 + ("noted",) * 50 + ("unlinked",) * 12 + ("stale",) * 5 + ("failed",)


def records(engine: Engine, settings: Settings) -> str:
    """Add them to ``seed.shop``; the id of a job that is on its way."""
    deliveries(engine)
    tickets(engine)
    actions(engine)
    return route(engine, settings)


def deliveries(engine: Engine, *, number: int = 120, seed: int = 7) -> None:
    """Webhooks of the last hours, most applied, one waiting."""
    chance = random.Random(seed)
    with begin(engine) as session:
        now = session.execute(text("SELECT now()")).scalar_one()
        rows = []
        for left in reversed(range(number)):
            outcome = chance.choice(_OUTCOMES) if left else None
            at = now - timedelta(minutes=left * 2, seconds=chance.random() * 60)
            key = f"PI-{chance.randrange(1, 400)}"
            body = {"webhookEvent": "jira:issue_updated", "issue": {"key": key, "fields": {}}}
            content = orjson.dumps(body)
            rows.append(
                {
                    "id": new_id(Prefix.HOOK),
                    "identifier": f"delivery-{number - left}",
                    "signed": True,
                    "event": "jira:issue_updated" if left else None,
                    "ticket_key": key,
                    "body": content,
                    "body_size": len(content),
                    "duplicates": chance.choice((0, 0, 0, 1)),
                    "outcome": outcome,
                    "reason": _REASONS[outcome] if outcome else None,
                    "tries": 1 if outcome else 0,
                    "received_at": at,
                    "applied_at": at + timedelta(milliseconds=80) if outcome else None,
                }
            )
        session.execute(insert(table_of(Delivery)), rows)


def tickets(engine: Engine) -> None:
    """Our copies of the filled jobs' tickets; one in eight has another priority by now."""
    with begin(engine) as session:
        filled = session.execute(text("SELECT * FROM jobs WHERE jira_filled_at IS NOT NULL"))
        site = site_id(session)
        session.execute(
            insert(table_of(TicketCopy)),
            [
                {
                    "site_id": site,
                    "issue_id": str(10_000 + number),
                    "key": job.jira_ticket_key,
                    "summary": job.jira_ticket_summary,
                    "part_number": job.jira_part_number,
                    "priority": "Highest" if number % 8 == 0 else job.jira_priority,
                    "epic_link": job.jira_epic_link,
                    "labels": job.jira_labels or [],
                    "status": "In Progress",
                    "jira_updated_at": job.jira_filled_at,
                    "source": "poll",
                }
                for number, job in enumerate(filled)
            ],
        )


def actions(engine: Engine) -> None:
    """What operators did."""
    ada = Actor(ActorKind.OPERATOR, "ada")
    with begin(engine) as session:
        audit.write(session, AuditAction.OPERATOR_ADDED, AuditContext(actor=ada), subject="grace")
        for action, reason, changed in (
            (AuditAction.RETRY, "the account may see project PI now", 42),
            (AuditAction.CANCEL, "ordered twice", 3),
            (AuditAction.REPLAY, None, 12),
        ):
            number = audit.begin(
                session,
                action,
                AuditContext(actor=ada, reason=reason),
                filters={"statuses": ["failed"]},
            )
            counts = {"matched": changed, "changed": changed, "skipped": {}}
            audit.end(session, number, counts=counts)


def route(engine: Engine, settings: Settings) -> str:
    """A job with a path and units along it; its id."""
    with api_client(settings, engine) as api:
        shop = Shop(api)
        path = shop.path("Saw", {"name": "Mill", "location": "Hall 2"}, "Deburr", "Inspect")
        units = [unit["id"] for unit in shop.serials(path, 8)]
        for count in (6, 5, 3, 1):
            shop.advance(units[:count])
        shop.scrap(units[7])
        return str(shop.job["id"])
