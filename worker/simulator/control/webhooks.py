"""``/_sim/webhooks``: who is told of changes, what became of it, and bursts of changes."""

from dataclasses import dataclass
from random import Random
from typing import Any, Self

from flask import Blueprint, Response, request

from worker.simulator.control.routes import body, refuse
from worker.simulator.errors import json_response
from worker.simulator.site.site import PRIORITIES
from worker.simulator.site.store import Change, Event
from worker.simulator.site.tickets import Ticket
from worker.simulator.webhooks.courier import Odds
from worker.simulator.webhooks.deliveries import Flow
from worker.simulator.webhooks.hooks import BadHookError, Hook
from worker.simulator.world import World

DEFAULT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Burst:
    """So many deliveries, of which shares repeat an earlier one or come late."""

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

    def odds(self, draw: Random) -> list[Odds]:
        """One for each event: duplicates are deliveries, so there are fewer events than those."""
        repeated = round(self.deliveries * self.duplicates)
        events = self.deliveries - repeated
        repeats = set(draw.sample(range(events), min(repeated, events)))
        lates = set(draw.sample(range(events), min(round(self.deliveries * self.reorder), events)))
        return [Odds(repeat=n in repeats, late=n in lates, flow=self.flow) for n in range(events)]


def webhook_controls(world: World) -> Blueprint:
    """Everything under ``/_sim/webhooks``."""
    routes = Blueprint("webhook-controls", __name__)
    _hook_controls(routes, world)

    @routes.get("/deliveries")
    def deliveries() -> Response:
        limit = request.args.get("limit", DEFAULT_LIMIT, type=int)
        return json_response(world.courier.log.to_json(limit=limit))

    @routes.delete("/deliveries")
    def forget() -> Response:
        world.courier.forget()
        return Response(status=204)

    @routes.post("/burst")
    def burst() -> Response:
        wanted = body() or {}
        tickets = _chosen(world, wanted)
        if not tickets:
            return refuse("no such tickets: give `keys` or `project`")
        events = run_burst(world, tickets, Burst.of(wanted))
        return json_response({"events": events, "tickets": len(tickets)}, status=202)

    return routes


def _hook_controls(routes: Blueprint, world: World) -> None:
    @routes.get("")
    def listed() -> Response:
        return json_response([hook.to_json() for hook in world.courier.hooks])

    @routes.post("")
    def register() -> Response:
        try:
            hook = Hook.of(body())
        except (BadHookError, TypeError, ValueError) as error:
            return refuse(str(error))
        world.courier.hooks.append(hook)
        return json_response(hook.to_json(), status=201)

    @routes.delete("")
    def clear() -> Response:
        world.courier.hooks.clear()
        return Response(status=204)


def _chosen(world: World, wanted: dict[str, Any]) -> list[Ticket]:
    if "keys" in wanted:
        found = (world.store.find(key) for key in wanted["keys"])
        return [ticket for ticket in found if ticket is not None]
    project = wanted.get("project", "PI")
    return [t for t in world.store.current() if t.project.key == project and t.visible]


def run_burst(world: World, tickets: list[Ticket], burst: Burst) -> int:
    """Change (or only announce) the tickets in turn until there are enough deliveries."""
    draw = Random(world.config.random_seed)  # noqa: S311  odds of a rehearsal
    odds = burst.odds(draw)
    for number, one in enumerate(odds):
        before = world.store.get(str(tickets[number % len(tickets)].id))
        after = _edited(world, before, number) if burst.edit else before
        event = Event(Change.UPDATED, after, before)
        world.courier.announce(event, world.contents.announcer, odds=one)
    return len(odds)


def _edited(world: World, ticket: Ticket, number: int) -> Ticket:
    summary = str(ticket.fields.get("summary", "")).partition(" (rev ")[0]
    priority = world.site.priority(PRIORITIES[number % len(PRIORITIES)])
    fields = {"summary": f"{summary} (rev {number + 1})", "priority": priority}
    return world.store.edit(ticket.id, fields, announce=False)
