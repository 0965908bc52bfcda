"""``/_sim``: control the simulator and read its counters, on the same port."""

from typing import Final

from flask import Blueprint, Response

from worker.simulator.errors import json_response
from worker.simulator.faults.rules import KINDS, STATUSES, Fault
from worker.simulator.request import json_body
from worker.simulator.state import SimulatorState

_CONTROLS: Final = {
    "GET /_sim/": "this list",
    "GET /_sim/counts": "requests by endpoint, statuses, per-second maxima, most at once",
    "DELETE /_sim/counts": "reset the counters",
    "GET|POST|DELETE /_sim/faults": "rules: see `faults` below",
    "GET|PATCH /_sim/settings": "latency, search lag, rate limit, expired token, CAPTCHA, …",
    "POST /_sim/reset": "back to the seed data; `tickets` sets another size",
    "POST /_sim/tickets": "create tickets: {project, count}, or one: {project, fields}",
    "GET|PATCH|DELETE /_sim/tickets/{key}": "read, change (field: value) or delete one",
    "POST /_sim/tickets/{key}/move": "to another `project`; the old key still resolves",
    "POST /_sim/tickets/{key}/hide|unhide": "take away or restore the right to see it",
    "POST /_sim/projects": "create a project: {key, name}",
    "POST /_sim/projects/{key}/hide|unhide": "take away or restore the right to see it",
    "GET|POST|DELETE /_sim/webhooks": "receivers: {url, secret, capitals, user, password, "
    "jql, events, excludeBody, headers, duplicates, reorder}",
    "POST /_sim/webhooks/burst": "{deliveries, project or keys, edit, duplicates, reorder, flow}",
    "GET|DELETE /_sim/webhooks/deliveries": "summary and the last `limit` deliveries",
}


_FAULTS: Final = {
    "kinds": KINDS,
    "statuses": STATUSES,
    "members": {f.alias: f.description for f in Fault.model_fields.values()},
}


def control_routes(state: SimulatorState) -> Blueprint:
    """Everything under ``/_sim`` that is not about single tickets or webhooks."""
    routes = Blueprint("control", __name__)

    @routes.get("/")
    def index() -> Response:
        return json_response({"controls": _CONTROLS, "faults": _FAULTS})

    _count_controls(routes, state)
    _fault_controls(routes, state)
    _setting_controls(routes, state)
    return routes


def _count_controls(routes: Blueprint, state: SimulatorState) -> None:
    @routes.get("/counts")
    def counts() -> Response:
        return json_response(state.counts.to_json())

    @routes.delete("/counts")
    def reset_counts() -> Response:
        state.counts.reset()
        return Response(status=204)


def _fault_controls(routes: Blueprint, state: SimulatorState) -> None:
    @routes.get("/faults")
    def faults() -> Response:
        return json_response(state.faults.to_json())

    @routes.post("/faults")
    def add_faults() -> Response:
        return json_response({"faults": state.faults.add(json_body())}, status=201)

    @routes.delete("/faults")
    def clear_faults() -> Response:
        state.faults.clear()
        return Response(status=204)


def _setting_controls(routes: Blueprint, state: SimulatorState) -> None:
    @routes.get("/settings")
    def settings() -> Response:
        return json_response(state.settings.to_json())

    @routes.patch("/settings")
    def change_settings() -> Response:
        state.apply(state.settings.changed(json_body()))
        return json_response(state.settings.to_json())

    @routes.post("/reset")
    def reset() -> Response:
        wanted = (json_body() or {}).get("tickets", state.config.tickets)
        state.reset(tickets=int(wanted))
        return json_response({"tickets": len(state.store)})
