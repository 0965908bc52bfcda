"""Webhook bodies as Jira writes them, signed or not, and their way into the inbox."""

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select, update

from shared.database.engine import begin
from shared.models import Delivery
from shared.webhooks import inbox
from shared.webhooks.inbox import ReceivedDelivery

_numbers = itertools.count(1)
PART_NUMBER = "customfield_10908"
QUANTITY = "customfield_10909"


def now() -> datetime:
    """This moment, in the whole milliseconds that Jira knows."""
    moment = datetime.now(UTC)  # noqa: TID251  Jira's own clock
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def issue(key: str = "PI-42", *, issue_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """The issue of a webhook, in API v2 shape."""
    updated = fields.pop("updated", datetime(2024, 1, 15, 10, 30, tzinfo=UTC))
    return {
        "id": issue_id or str(10_000 + int(key.rpartition("-")[2])),
        "key": key,
        "fields": {
            "summary": "Build 50 aluminum housings",
            "priority": {"name": "High", "id": "2"},
            "labels": ["Q1-2024", "rush"],
            PART_NUMBER: "ALU-HOUSING-7075",
            QUANTITY: 50.0,
            "updated": updated.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
            **fields,
        },
    }


def payload(
    event: str = "jira:issue_updated",
    *,
    about: Any = None,
    said_at: datetime | None = None,
    moved_from: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The JSON of one webhook."""
    made: dict[str, Any] = {
        "timestamp": int((said_at or now()).timestamp() * 1000),
        "webhookEvent": event,
        "issue": issue() if about is None else about,
        **more,
    }
    if moved_from is not None:
        moved_to = made["issue"]["key"]
        item = {"field": "Key", "fieldtype": "jira", "fromString": moved_from, "toString": moved_to}
        made["changelog"] = {"id": "1", "items": [item]}
    return made


@dataclass(slots=True)
class Inbox:
    """The inbox of a test's database."""

    engine: Engine

    def put(self, body: Any = None, *, signed: bool = True, **arrival: Any) -> str:
        """A delivery that proved its origin; its id."""
        raw = (
            body
            if isinstance(body, bytes)
            else json.dumps(payload() if body is None else body).encode()
        )
        identifier = arrival.pop("identifier", f"hook-{next(_numbers)}")
        with begin(self.engine) as session:
            made = ReceivedDelivery(identifier=identifier, signed=signed, body=raw, **arrival)
            return inbox.store(session, made).delivery_id

    def end(self, delivery_id: str, outcome: str = "noted", **facts: Any) -> str:
        """Store that a delivery was applied; its id."""
        values = {"reason": "Because.", "ticket_key": "PI-42", "event": "jira:issue_updated"}
        values |= {"outcome": outcome, **facts}
        with begin(self.engine) as session:
            ended = update(Delivery).where(Delivery.id == delivery_id)
            session.execute(ended.values(applied_at=func.now(), **values))
        return delivery_id

    def row(self, delivery_id: str) -> Delivery:
        """One delivery."""
        with begin(self.engine) as session:
            return session.get_one(Delivery, delivery_id)

    def rows(self) -> list[Delivery]:
        """All deliveries in order of receipt."""
        with begin(self.engine) as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))
