"""The simulator's Flask app: Jira's routes with authentication, control routes, ticket pages."""

from typing import Final

from flask import Blueprint, Flask, Response, g, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from worker.simulator import defaults
from worker.simulator.auth import LoginResult
from worker.simulator.control import browsers
from worker.simulator.control.projects import project_controls
from worker.simulator.control.routes import control_routes
from worker.simulator.control.tickets import ticket_controls
from worker.simulator.control.webhooks import webhook_controls
from worker.simulator.counts import endpoint
from worker.simulator.errors import JiraRefusal, control_refusal, json_response
from worker.simulator.http_server import WsgiApp
from worker.simulator.members import InvalidControlError
from worker.simulator.middleware import FAULT, GATEWAY, FaultMiddleware
from worker.simulator.request import Caller
from worker.simulator.routes.issue import issue_routes
from worker.simulator.routes.search import cloud_search_routes, server_search_routes
from worker.simulator.routes.site import site_routes
from worker.simulator.routes.webhooks import webhook_routes
from worker.simulator.state import SimulatorState

_CLOUD_VERSIONS: Final = "/rest/api/<any('2', '3', 'latest'):version>"
_REFUSED: Final = frozenset({LoginResult.WRONG, LoginResult.CAPTCHA, LoginResult.NO_SCOPE})
_SERVER_VERSIONS: Final = "/rest/api/<any('2', 'latest'):version>"


def create_app(state: SimulatorState) -> WsgiApp:
    """The whole simulator as one WSGI app, with its middleware."""
    app = Flask("worker.simulator")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.url_map.merge_slashes = False
    app.before_request(browsers.check)
    app.register_blueprint(_api(state))
    app.register_blueprint(_admin(state))
    app.register_blueprint(control_routes(state), url_prefix="/_sim")
    app.register_blueprint(ticket_controls(state), url_prefix="/_sim/tickets")
    app.register_blueprint(project_controls(state), url_prefix="/_sim/projects")
    app.register_blueprint(webhook_controls(state), url_prefix="/_sim/webhooks")
    app.register_blueprint(_pages(state))
    app.register_error_handler(InvalidControlError, lambda error: control_refusal(str(error)))
    app.register_error_handler(JiraRefusal, lambda refusal: refusal.response())
    app.register_error_handler(HTTPException, _no_such_route)
    return FaultMiddleware(app.wsgi_app, state)


def _api(state: SimulatorState) -> Blueprint:
    prefix = _CLOUD_VERSIONS if state.cloud else _SERVER_VERSIONS
    api = Blueprint("api", __name__, url_prefix=prefix)
    api.register_blueprint(site_routes(state))
    api.register_blueprint(issue_routes(state))
    searching = cloud_search_routes if state.cloud else server_search_routes
    api.register_blueprint(searching(state))
    api.url_value_preprocessor(lambda _, values: _resolve_latest(state, values))
    return _with_authentication(api, state)


def _admin(state: SimulatorState) -> Blueprint:
    admin = Blueprint("admin", __name__, url_prefix="/rest/webhooks/1.0")
    admin.register_blueprint(webhook_routes(state))
    return _with_authentication(admin, state)


def _with_authentication(routes: Blueprint, state: SimulatorState) -> Blueprint:
    routes.before_request(lambda: _authenticate(state))
    routes.after_request(lambda response: _add_login_headers(state, response))
    return routes


def _resolve_latest(state: SimulatorState, values: dict[str, str] | None) -> None:
    if values is not None and values.get("version") == "latest":
        values["version"] = "3" if state.cloud else "2"


def _authenticate(state: SimulatorState) -> None:
    """Check the credentials: wrong ones are refused here, expired ones continue as anonymous."""
    fault = request.environ.get(FAULT)
    gateway = GATEWAY in request.environ
    login = state.authenticator.authenticate(
        request.headers.get("Authorization", ""),
        settings=state.settings,
        mode=fault.kind if fault is not None else None,
        call=endpoint(request.method, request.path) if gateway else None,
    )
    g.caller = Caller(login, fault)
    anonymous_anyway = (
        not gateway and request.path.endswith("/serverInfo") and login is LoginResult.WRONG
    )
    if login in _REFUSED and not anonymous_anyway:
        browse = state.site.base_url
        raise state.authenticator.refusal(login, browse=browse, gateway=gateway)


def _add_login_headers(state: SimulatorState, response: Response) -> Response:
    if "caller" in g and not (GATEWAY in request.environ and g.caller.login in _REFUSED):
        response.headers.update(
            state.authenticator.login_headers(g.caller.login, user=state.config.email)
        )
    return response


def _no_such_route(error: HTTPException) -> Response:
    status = error.code or 500
    body = {"message": f"null for uri: {request.path}", "status-code": status}
    return json_response(body, status=status)


def _pages(state: SimulatorState) -> Blueprint:
    pages = Blueprint("pages", __name__)

    @pages.get("/_edge/tenant_info")
    def tenant_info() -> Response:
        return json_response({"cloudId": defaults.CLOUD_ID})

    @pages.get("/browse/<key>")
    def browse(key: str) -> Response:
        ticket = state.store.find(key)
        if ticket is None or not ticket.visible:
            return Response("<h1>Issue does not exist</h1>", 404, content_type="text/html")
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
            for name, value in ticket.fields.items()
        )
        title = f"{escape(ticket.key)}: {escape(str(ticket.fields.get('summary', '')))}"
        page = f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1><table>{rows}</table>"
        return Response(page, content_type="text/html;charset=UTF-8")

    return pages
