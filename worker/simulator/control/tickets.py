"""``/_sim/tickets``: create, change, move, hide and delete tickets as other Jira users do."""

from typing import Any

from flask import Blueprint, Response

from worker.simulator.errors import control_refusal, json_response
from worker.simulator.request import json_body
from worker.simulator.site.render import Selection
from worker.simulator.site.seed import set_fields
from worker.simulator.site.store import UnknownTicketError
from worker.simulator.site.tickets import Ticket
from worker.simulator.site.values import BadValueError, read_fields
from worker.simulator.state import SimulatorState


def ticket_controls(state: SimulatorState) -> Blueprint:
    """Everything under ``/_sim/tickets``; an unknown key is 404, a bad value 400."""
    routes = Blueprint("ticket-controls", __name__)
    routes.register_error_handler(UnknownTicketError, _unknown)
    routes.register_error_handler(BadValueError, lambda error: control_refusal(str(error)))
    _collection(routes, state)
    _single(routes, state)
    return routes


def _collection(routes: Blueprint, state: SimulatorState) -> None:
    @routes.post("")
    def create() -> Response:
        request = json_body() or {}
        project = request.get("project", "PI")
        if project not in state.store.projects:
            return control_refusal(f"no project {project}")
        if "fields" in request:
            keys = [_create(state, project, request["fields"])]
        else:
            keys = state.contents.generator.create(
                project=project, count=int(request.get("count", 1))
            )
        return json_response({"keys": keys}, status=201)


def _single(routes: Blueprint, state: SimulatorState) -> None:
    @routes.get("/<key>")
    def show(key: str) -> Response:
        return json_response(_shown(state, state.store.get(key)))

    @routes.patch("/<key>")
    def edit(key: str) -> Response:
        fields, parent_id = _values(state, json_body() or {})
        ticket = state.store.edit(state.store.get(key).id, fields, parent_id=parent_id)
        return json_response(_shown(state, ticket))

    @routes.delete("/<key>")
    def delete(key: str) -> Response:
        state.store.delete(state.store.get(key).id)
        return Response(status=204)

    @routes.post("/<key>/move")
    def move(key: str) -> Response:
        project = (json_body() or {}).get("project", "TL")
        if project not in state.store.projects:
            return control_refusal(f"no project {project}")
        ticket = state.store.move(state.store.get(key).id, project=project)
        return json_response(_shown(state, ticket))

    @routes.post("/<key>/<any('hide', 'unhide'):verb>")
    def hide(key: str, verb: str) -> Response:
        state.store.hide(state.store.get(key).id, hidden=verb == "hide")
        return Response(status=204)


def _create(state: SimulatorState, project: str, written: dict[str, Any]) -> str:
    usual = {"summary": "Created by script", "issuetype": "Task", "status": "To Do"}
    fields, parent_id = _values(state, usual | written)
    kept = set_fields(fields)
    return state.store.add(project=project, fields=kept, parent_id=parent_id).key


def _values(state: SimulatorState, written: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    parent = written.get("parent")
    fields = read_fields(state.site, {k: v for k, v in written.items() if k != "parent"})
    return fields, state.store.get(str(parent)).id if parent is not None else None


def _shown(state: SimulatorState, ticket: Ticket) -> dict[str, Any]:
    everything = Selection.of(["*all"], default="*all")
    return state.contents.renderer.issue(ticket, everything, version="2")


def _unknown(error: UnknownTicketError) -> Response:
    return json_response({"message": f"no ticket {error}"}, status=404)
