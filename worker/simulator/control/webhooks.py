"""``/_sim/webhooks``: registered webhooks, their deliveries, and bursts of changes."""

from dataclasses import dataclass
from random import Random
from typing import Any, Self

from flask import Blueprint, Response, request

from worker.simulator.errors import control_refusal, json_response
from worker.simulator.request import json_body
from worker.simulator.site.site import PRIORITIES
from worker.simulator.site.store import Change, Event
from worker.simulator.site.tickets import Ticket
from worker.simulator.state import SimulatorState
from worker.simulator.webhooks.deliveries import Flow
from worker.simulator.webhooks.sender import DeliveryOptions
from worker.simulator.webhooks.webhook import InvalidWebhookError, Webhook

DEFAULT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Burst:
    """A number of deliveries; ``duplicates`` and ``reorder`` are the shares of such ones."""

    deliveries: int
    duplicates: float
    reorder: float
    edit: bool
    flow: Flow

    @classmethod
    def of(cls, wanted: dict[str, Any]) -> Self:
        """From the JSON of ``POST /_sim/webhooks/burst``."""
        return cls(
            deliveries=int(wanted.get("deliveries", 1000)),
            duplicates=float(wanted.get("duplicates", 0)),
            reorder=float(wanted.get("reorder", 0)),
            edit=bool(wanted.get("edit", True)),
            flow=Flow(wanted.get("flow", Flow.PRIMARY)),
        )

    def options(self, draw: Random) -> list[DeliveryOptions]:
        """The options of each event. Duplicates count as deliveries, so there are fewer events."""
        repeated = round(self.deliveries * self.duplicates)
        events = self.deliveries - repeated
        repeats = set(draw.sample(range(events), min(repeated, events)))
        lates = set(draw.sample(range(events), min(round(self.deliveries * self.reorder), events)))
        return [
            DeliveryOptions(repeat=n in repeats, late=n in lates, flow=self.flow)
            for n in range(events)
        ]


def webhook_controls(state: SimulatorState) -> Blueprint:
    """Everything under ``/_sim/webhooks``."""
    routes = Blueprint("webhook-controls", __name__)
    _webhook_controls(routes, state)

    @routes.get("/deliveries")
    def deliveries() -> Response:
        limit = request.args.get("limit", DEFAULT_LIMIT, type=int)
        return json_response(state.sender.log.to_json(limit=limit))

    @routes.delete("/deliveries")
    def clear_deliveries() -> Response:
        state.sender.clear()
        return Response(status=204)

    @routes.post("/burst")
    def burst() -> Response:
        wanted = json_body() or {}
        tickets = _selected(state, wanted)
        if not tickets:
            return control_refusal("no such tickets: give `keys` or `project`")
        events = run_burst(state, tickets, Burst.of(wanted))
        return json_response({"events": events, "tickets": len(tickets)}, status=202)

    return routes


def _webhook_controls(routes: Blueprint, state: SimulatorState) -> None:
    @routes.get("")
    def listed() -> Response:
        return json_response([webhook.to_json() for webhook in state.sender.webhooks])

    @routes.post("")
    def register() -> Response:
        try:
            webhook = Webhook.of(json_body())
        except (InvalidWebhookError, TypeError, ValueError) as error:
            return control_refusal(str(error))
        state.sender.webhooks.append(webhook)
        return json_response(webhook.to_json(), status=201)

    @routes.delete("")
    def clear() -> Response:
        state.sender.webhooks.clear()
        return Response(status=204)


def _selected(state: SimulatorState, wanted: dict[str, Any]) -> list[Ticket]:
    if "keys" in wanted:
        found = (state.store.find(key) for key in wanted["keys"])
        return [ticket for ticket in found if ticket is not None]
    project = wanted.get("project", "PI")
    return [t for t in state.store.current() if t.project.key == project and t.visible]


def run_burst(state: SimulatorState, tickets: list[Ticket], burst: Burst) -> int:
    """Change the tickets in turn, or only send them, until there are enough deliveries."""
    draw = Random(state.config.random_seed)  # noqa: S311  test data, not secrets
    options = burst.options(draw)
    for number, one in enumerate(options):
        before = state.store.get(str(tickets[number % len(tickets)].id))
        after = _edited(state, before, number) if burst.edit else before
        event = Event(Change.UPDATED, after, before)
        state.sender.enqueue(event, state.contents.payloads, options=one)
    return len(options)


def _edited(state: SimulatorState, ticket: Ticket, number: int) -> Ticket:
    summary = str(ticket.fields.get("summary", "")).partition(" (rev ")[0]
    priority = state.site.priority(PRIORITIES[number % len(PRIORITIES)])
    fields = {"summary": f"{summary} (rev {number + 1})", "priority": priority}
    return state.store.edit(ticket.id, fields, notify=False)
