"""``/_sim/webhooks``: registered webhooks, their deliveries, and bursts of changes."""

from random import Random

from flask import Blueprint, Response, request

from worker.simulator import defaults
from worker.simulator.errors import control_refusal, json_response
from worker.simulator.members import Members
from worker.simulator.request import json_body
from worker.simulator.site.site import PRIORITIES
from worker.simulator.site.store import Change, Event
from worker.simulator.site.tickets import Ticket
from worker.simulator.state import SimulatorState
from worker.simulator.webhooks.deliveries import Flow, summary
from worker.simulator.webhooks.sender import DeliveryOptions
from worker.simulator.webhooks.webhook import Webhook

DEFAULT_LIMIT = 100


class Burst(Members, strict=False):
    """A number of deliveries; ``duplicates`` and ``reorder`` are the shares of such ones.

    They are about the tickets of ``keys``, or else about all of ``project``.
    """

    deliveries: int = 1000
    project: str = "PI"
    keys: list[str] | None = None
    edit: bool = True
    duplicates: float = 0.0
    reorder: float = 0.0
    flow: Flow = Flow.PRIMARY

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
        kept = state.sender.deliveries()
        shown = [one.to_json() for one in kept[-limit:]] if limit else []
        return json_response({"summary": summary(kept), "deliveries": shown})

    @routes.delete("/deliveries")
    def clear_deliveries() -> Response:
        state.sender.clear()
        return Response(status=204)

    @routes.post("/burst")
    def burst() -> Response:
        wanted = Burst.of(json_body() or {})
        tickets = _selected(state, wanted)
        if not tickets:
            return control_refusal("no such tickets: give `keys` or `project`")
        events = run_burst(state, tickets, wanted)
        return json_response({"events": events, "tickets": len(tickets)}, status=202)

    return routes


def _webhook_controls(routes: Blueprint, state: SimulatorState) -> None:
    @routes.get("")
    def listed() -> Response:
        return json_response([webhook.to_json() for webhook in state.sender.webhooks])

    @routes.post("")
    def register() -> Response:
        webhook = Webhook.of(json_body())
        state.sender.webhooks.append(webhook)
        return json_response(webhook.to_json(), status=201)

    @routes.delete("")
    def clear() -> Response:
        state.sender.webhooks.clear()
        return Response(status=204)


def _selected(state: SimulatorState, burst: Burst) -> list[Ticket]:
    if burst.keys is not None:
        found = (state.store.find(key) for key in burst.keys)
        return [ticket for ticket in found if ticket is not None]
    return [t for t in state.store.current() if t.project.key == burst.project and t.visible]


def run_burst(state: SimulatorState, tickets: list[Ticket], burst: Burst) -> int:
    """Change the tickets in turn, or only send them, until there are enough deliveries."""
    draw = Random(defaults.RANDOM_SEED)  # noqa: S311  test data, not secrets
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
