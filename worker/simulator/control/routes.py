"""``/_sim``: turning the simulator's screws and reading its counters, over the same socket."""

from typing import Any, Final

import orjson
from flask import Blueprint, Response, request

from worker.simulator.errors import json_response
from worker.simulator.faults.rules import KINDS, STATUSES, BadFaultError
from worker.simulator.world import World

_CONTROLS: Final = {
    "GET /_sim/": "this list",
    "GET /_sim/counts": "requests by endpoint, statuses, per-second maxima, most at once",
    "DELETE /_sim/counts": "count anew",
    "GET|POST|DELETE /_sim/faults": "rules: see `faults` below",
    "GET|PATCH /_sim/settings": "latency, search lag, rate limit, expired token, CAPTCHA, …",
    "POST /_sim/reset": "back to the seed; `tickets` gives another size",
    "POST /_sim/tickets": "make tickets: {project, count}, or one: {project, fields}",
    "GET|PATCH|DELETE /_sim/tickets/{key}": "read, change (field: value) or delete one",
    "POST /_sim/tickets/{key}/move": "to another `project`; the old key goes on resolving",
    "POST /_sim/tickets/{key}/hide|unhide": "take the right to see it, give it back",
    "GET|POST|DELETE /_sim/webhooks": "receivers: {url, secret, jql, events, excludeBody, "
    "duplicates, reorder}",
    "POST /_sim/webhooks/burst": "{deliveries, project or keys, edit, duplicates, reorder, flow}",
    "GET|DELETE /_sim/webhooks/deliveries": "summary and the last `limit` deliveries",
}


_FAULTS: Final = {
    "kinds": KINDS,
    "statuses": STATUSES,
    "members": {
        "match": "`POST /rest/api/*/issue/bulkfetch`, `/rest/*`, `*`: method, path with wildcards",
        "fault": "a kind or a status; the first rule that strikes wins",
        "times": "strike so often at most",
        "skip": "let so many matching requests pass first",
        "every": "then strike every so manieth of them",
        "after": "seconds until the rule is in force",
        "seconds": "how long it stays in force",
        "delay": "seconds that hang and slow take",
        "retryAfter": "Retry-After as it is written here; retryAfterForm `date` makes it a date",
        "reason": "RateLimit-Reason",
        "resetIn": "X-RateLimit-Reset in so many seconds",
        "headers": "any other headers",
        "body": "another body of a status",
        "keys, count": "which tickets issueErrors names",
    },
}


def control_routes(world: World) -> Blueprint:
    """Everything under ``/_sim`` that is not about single tickets or webhooks."""
    routes = Blueprint("control", __name__)

    @routes.get("/")
    def index() -> Response:
        return json_response({"controls": _CONTROLS, "faults": _FAULTS})

    _count_controls(routes, world)
    _fault_controls(routes, world)
    _setting_controls(routes, world)
    return routes


def _count_controls(routes: Blueprint, world: World) -> None:
    @routes.get("/counts")
    def counts() -> Response:
        return json_response(world.counts.to_json())

    @routes.delete("/counts")
    def reset_counts() -> Response:
        world.counts.reset()
        return Response(status=204)


def _fault_controls(routes: Blueprint, world: World) -> None:
    @routes.get("/faults")
    def faults() -> Response:
        return json_response(world.faults.to_json())

    @routes.post("/faults")
    def add_faults() -> Response:
        try:
            return json_response({"faults": world.faults.add(body())}, status=201)
        except (BadFaultError, TypeError, ValueError) as error:
            return refuse(str(error))

    @routes.delete("/faults")
    def clear_faults() -> Response:
        world.faults.clear()
        return Response(status=204)


def _setting_controls(routes: Blueprint, world: World) -> None:
    @routes.get("/settings")
    def settings() -> Response:
        return json_response(world.knobs.to_json())

    @routes.patch("/settings")
    def change_settings() -> Response:
        try:
            world.turn(world.knobs.changed(body()))
        except (TypeError, ValueError) as error:
            return refuse(str(error))
        return json_response(world.knobs.to_json())

    @routes.post("/reset")
    def reset() -> Response:
        wanted = (body() or {}).get("tickets", world.config.tickets)
        world.reset(tickets=int(wanted))
        return json_response({"tickets": len(world.store)})


def body() -> Any:
    """The JSON a control was sent; ``None`` for none."""
    data = request.get_data()
    return orjson.loads(data) if data else None


def refuse(message: str) -> Response:
    """A control that was not understood."""
    return json_response({"message": message}, status=400)
