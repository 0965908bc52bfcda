"""The simulator's Flask app: Jira's routes behind the gatekeeper, controls, and ticket pages."""

from typing import Final

from flask import Blueprint, Flask, Response, g, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from worker.simulator.asking import Caller
from worker.simulator.auth import Login
from worker.simulator.control.routes import control_routes
from worker.simulator.control.tickets import ticket_controls
from worker.simulator.control.webhooks import webhook_controls
from worker.simulator.errors import JiraRefusal, json_response
from worker.simulator.faults.edge import FAULT, GATEWAY, Edge
from worker.simulator.routes.issue import issue_routes
from worker.simulator.routes.search import cloud_search_routes, server_search_routes
from worker.simulator.routes.site import site_routes
from worker.simulator.routes.webhooks import webhook_routes
from worker.simulator.wire import WsgiApp
from worker.simulator.world import World

_CLOUD_VERSIONS: Final = "/rest/api/<any('2', '3', 'latest'):version>"
_TURNED_AWAY: Final = frozenset({Login.WRONG, Login.CAPTCHA, Login.NO_SCOPE})
_SERVER_VERSIONS: Final = "/rest/api/<any('2', 'latest'):version>"


def create_app(world: World) -> WsgiApp:
    """The whole simulator as one WSGI app, edge included."""
    app = Flask("worker.simulator")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.url_map.merge_slashes = False
    app.register_blueprint(_api(world))
    app.register_blueprint(_admin(world))
    app.register_blueprint(control_routes(world), url_prefix="/_sim")
    app.register_blueprint(ticket_controls(world), url_prefix="/_sim/tickets")
    app.register_blueprint(webhook_controls(world), url_prefix="/_sim/webhooks")
    app.register_blueprint(_pages(world))
    app.register_error_handler(JiraRefusal, lambda refusal: refusal.response())
    app.register_error_handler(HTTPException, _no_such_route)
    return Edge(app.wsgi_app, world)


def _api(world: World) -> Blueprint:
    prefix = _CLOUD_VERSIONS if world.cloud else _SERVER_VERSIONS
    api = Blueprint("api", __name__, url_prefix=prefix)
    api.register_blueprint(site_routes(world))
    api.register_blueprint(issue_routes(world))
    searching = cloud_search_routes if world.cloud else server_search_routes
    api.register_blueprint(searching(world))
    api.url_value_preprocessor(lambda _, values: _settle_version(world, values))
    return _guarded(api, world)


def _admin(world: World) -> Blueprint:
    admin = Blueprint("admin", __name__, url_prefix="/rest/webhooks/1.0")
    admin.register_blueprint(webhook_routes(world))
    return _guarded(admin, world)


def _guarded(routes: Blueprint, world: World) -> Blueprint:
    routes.before_request(lambda: _admit(world))
    routes.after_request(lambda response: _mark(world, response))
    return routes


def _settle_version(world: World, values: dict[str, str] | None) -> None:
    if values is not None and values.get("version") == "latest":
        values["version"] = "3" if world.cloud else "2"


def _admit(world: World) -> None:
    """Judge the credentials; wrong ones end here, expired ones go on as a nobody."""
    fault = request.environ.get(FAULT)
    login = world.gatekeeper.judge(
        request.headers.get("Authorization", ""),
        knobs=world.knobs,
        mode=fault.kind if fault is not None else None,
        scope=_scope(request.path) if GATEWAY in request.environ else None,
    )
    g.caller = Caller(login, fault)
    anonymous_anyway = request.path.endswith("/serverInfo") and login is Login.WRONG
    if login in _TURNED_AWAY and not anonymous_anyway:
        raise world.gatekeeper.refusal(login, browse=world.site.base_url)


def _scope(path: str) -> str:
    """What a scoped token needs for a call (JIRA.md section 5); serverInfo needs nothing."""
    call = path.rpartition("/")[2]
    return {"serverInfo": "", "myself": "read:jira-user"}.get(call, "read:jira-work")


def _mark(world: World, response: Response) -> Response:
    if "caller" in g:
        response.headers.update(world.gatekeeper.marks(g.caller.login, user=world.config.email))
    return response


def _no_such_route(error: HTTPException) -> Response:
    status = error.code or 500
    body = {"message": f"null for uri: {request.path}", "status-code": status}
    return json_response(body, status=status)


def _pages(world: World) -> Blueprint:
    pages = Blueprint("pages", __name__)

    @pages.get("/_edge/tenant_info")
    def tenant_info() -> Response:
        return json_response({"cloudId": world.config.cloud_id})

    @pages.get("/browse/<key>")
    def browse(key: str) -> Response:
        ticket = world.store.find(key)
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
