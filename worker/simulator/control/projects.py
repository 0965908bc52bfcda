"""``/_sim/projects``: create projects, and take away or restore the account's right to see one."""

from flask import Blueprint, Response

from worker.simulator.errors import control_refusal, json_response
from worker.simulator.request import json_body
from worker.simulator.state import SimulatorState


def project_controls(state: SimulatorState) -> Blueprint:
    """Everything under ``/_sim/projects``; an unknown key is 404."""
    routes = Blueprint("project-controls", __name__)

    @routes.post("")
    def create() -> Response:
        request = json_body() or {}
        key = str(request.get("key", ""))
        if not key or key in state.store.projects:
            return control_refusal("`key` must be the key of a new project")
        project = state.store.add_project(key, name=str(request.get("name", key)))
        return json_response({"key": key, "id": str(project.id)}, status=201)

    @routes.post("/<key>/<any('hide', 'unhide'):verb>")
    def hide(key: str, verb: str) -> Response:
        if key not in state.store.projects:
            return json_response({"message": f"no project {key}"}, status=404)
        state.store.hide_project(key, hidden=verb == "hide")
        return Response(status=204)

    return routes
