"""The site: server information, the caller's account, fields, projects and permissions."""

from typing import Any, Final

from flask import Blueprint, Response, request

from worker.jira.port import SIMULATOR_TITLE
from worker.simulator.errors import JiraRefusal, json_response, project_not_found
from worker.simulator.request import current_caller
from worker.simulator.site.fields import FIELDS, FieldDef, clause_names
from worker.simulator.site.site import ISSUE_TYPES, Project
from worker.simulator.state import SimulatorState

_PERMISSIONS: Final = {
    "BROWSE_PROJECTS": ("10", "Browse Projects", "PROJECT"),
    "EDIT_ISSUES": ("12", "Edit Issues", "PROJECT"),
    "CREATE_ISSUES": ("11", "Create Issues", "PROJECT"),
    "DELETE_ISSUES": ("16", "Delete Issues", "PROJECT"),
    "ADMINISTER": ("0", "Administer Jira", "GLOBAL"),
}
_VERSIONS: Final = {True: "1001.0.0-SNAPSHOT", False: "10.3.6"}


def site_routes(state: SimulatorState) -> Blueprint:
    """``serverInfo``, ``myself``, ``field``, ``mypermissions`` and ``project/{key}``."""
    routes = Blueprint("site", __name__)

    @routes.get("/serverInfo")
    def server_info(version: str) -> Response:  # noqa: ARG001  part of the address
        return json_response(_server_info(state))

    @routes.get("/myself")
    def myself(version: str) -> Response:  # noqa: ARG001  part of the address
        if not current_caller().known:
            login = current_caller().login
            raise state.authenticator.refusal(login, browse=state.site.base_url)
        return json_response(state.site.user("dev") | {"emailAddress": state.config.email})

    @routes.get("/field")
    def fields(version: str) -> Response:  # noqa: ARG001  part of the address
        shown = (f for f in FIELDS.values() if current_caller().known or not f.custom)
        return json_response([_field(state, field) for field in shown])

    @routes.get("/mypermissions")
    def permissions(version: str) -> Response:  # noqa: ARG001  part of the address
        return json_response({"permissions": _permissions(state)})

    @routes.get("/project/<key>")
    def project(version: str, key: str) -> Response:  # noqa: ARG001  part of the address
        found = _project(state, key) if current_caller().known else None
        if found is None:
            raise project_not_found(key)
        return json_response(_project_details(state, found))

    return routes


def _server_info(state: SimulatorState) -> dict[str, Any]:
    version = _VERSIONS[state.cloud]
    numbers = [int(part) for part in version.partition("-")[0].split(".")]
    stamp = state.contents.renderer.timestamp(state.store.now_ms())
    return {
        "baseUrl": state.site.base_url,
        "version": version,
        "versionNumbers": numbers,
        "deploymentType": state.config.deployment.value,
        "buildNumber": 100300,
        "buildDate": "2026-11-02T00:00:00.000+0000",
        "serverTime": stamp,
        "scmInfo": "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334",
        "serverTitle": SIMULATOR_TITLE,
    }


def _field(state: SimulatorState, field: FieldDef) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": field.id,
        "key": field.id,
        "name": field.name,
        "custom": field.custom,
        "orderable": field.editable,
        "navigable": field.navigable,
        "searchable": True,
        "clauseNames": clause_names(field),
        "schema": field.schema,
    }
    if field.project is not None and state.cloud:
        project = state.store.projects[field.project]
        made["scope"] = {"type": "PROJECT", "project": {"id": str(project.id)}}
    return made


def _project(state: SimulatorState, id_or_key: str) -> Project | None:
    for project in state.store.projects.values():
        if id_or_key.upper() == project.key or id_or_key == str(project.id):
            return None if project.hidden else project
    return None


def _project_details(state: SimulatorState, project: Project) -> dict[str, Any]:
    made = state.site.project(project) | {
        "lead": {k: v for k, v in state.site.user("mia").items() if k != "timeZone"},
        "issueTypes": [state.site.issue_type(name) for name in ISSUE_TYPES],
        "isPrivate": False,
        "style": "next-gen" if project.team_managed else "classic",
        "assigneeType": "UNASSIGNED",
    }
    if not state.cloud:
        for name in ("simplified", "isPrivate", "style"):
            del made[name]
    return made


def _permissions(state: SimulatorState) -> dict[str, Any]:
    key = request.args.get("projectKey")
    if key is not None and _project(state, key) is None:
        raise project_not_found(key)
    asked = request.args.get("permissions", "")
    if state.cloud and not asked:
        raise JiraRefusal(400, ["The 'permissions' query parameter is required."])
    names = asked.split(",") if asked else list(_PERMISSIONS)
    if unknown := [name for name in names if name not in _PERMISSIONS]:
        raise JiraRefusal(400, [f"Unrecognized permission(s): {', '.join(unknown)}"])
    return {name: _permission(name, granted=_granted(state, name)) for name in names}


def _granted(state: SimulatorState, name: str) -> bool:
    return current_caller().known and (state.config.admin or name != "ADMINISTER")


def _permission(name: str, *, granted: bool) -> dict[str, Any]:
    number, title, kind = _PERMISSIONS[name]
    return {
        "id": number,
        "key": name,
        "name": title,
        "type": kind,
        "description": title,
        "havePermission": granted,
    }
