"""WSGI middleware before Jira's routes: counts, latency, limits and faults."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from werkzeug.wrappers import Response

from worker.simulator import defaults
from worker.simulator.counts import endpoint
from worker.simulator.errors import JiraRefusal
from worker.simulator.faults.rules import STATUSES, Fault, fault_headers
from worker.simulator.http_server import EXCHANGE, Ending, Environ, StartResponse, WsgiApp
from worker.simulator.state import SimulatorState

FAULT: Final = "simulator.fault"
GATEWAY: Final = "simulator.gateway"
_LOGIN_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Log in</title></head>"
    "<body><form action='/login'>Single sign-on</form></body></html>"
)
_ENDINGS: Final = {"hang": Ending.CLOSE, "reset": Ending.RESET, "cut": Ending.CUT}


class FaultMiddleware:
    """Applies to Jira's API only; ``/_sim`` and pages pass through unchanged."""

    def __init__(self, app: WsgiApp, state: SimulatorState) -> None:
        self._app = app
        self._state = state

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(("/rest/", "/ex/")):
            return self._app(environ, start_response)
        self._strip_gateway(environ)
        name = endpoint(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        self._state.counts.begin(name)
        outcome, fault = "lost", None
        try:
            fault = self._state.faults.find(
                environ["REQUEST_METHOD"], environ["PATH_INFO"], size=_size(environ)
            )
            environ[FAULT] = fault
            response = self._answer(environ, name, fault)
            outcome = _outcome(environ, response)
            return response(environ, start_response)
        finally:
            kind = fault.kind if fault is not None else None
            self._state.counts.end(name, outcome, fault=kind)

    def _strip_gateway(self, environ: Environ) -> None:
        """``/ex/jira/{cloudId}/rest/…`` is the gateway to the same site."""
        _, first, *rest = environ["PATH_INFO"].split("/", 4)
        if first == "ex" and rest[:2] == ["jira", defaults.CLOUD_ID]:
            environ[GATEWAY] = True
            environ["PATH_INFO"] = "/" + rest[2]

    def _answer(self, environ: Environ, name: str, fault: Fault | None) -> Response:
        self._state.pause(self._state.settings.latency_ms / 1000)
        if fault is not None and fault.kind in STATUSES:
            return self._refuse(fault)
        if fault is not None and fault.kind in ("hang", "slow"):
            self._state.pause(fault.delay)
        if fault is not None and fault.kind in ("hang", "reset"):
            environ[EXCHANGE].ending = _ENDINGS[fault.kind]
            return Response()
        response = self._limited(environ, name)
        return response if fault is None else _apply_fault(environ, response, fault)

    def _limited(self, environ: Environ, name: str) -> Response:
        try:
            rate = self._state.burst.spend(
                name, per_second=self._state.settings.requests_per_second
            )
        except JiraRefusal as refusal:
            return refusal.response()
        response = Response.from_app(self._app, environ, buffered=True)
        response.headers.update(rate)
        return response

    def _refuse(self, fault: Fault) -> Response:
        headers = fault_headers(fault, self._state.clock)
        if fault.body is not None:
            return Response(fault.body, int(fault.kind), headers)
        status = HTTPStatus(int(fault.kind))
        if fault.page or fault.kind == "502":
            page = f"<html><body><h1>{status.value} {status.phrase}</h1></body></html>"
            return Response(page, status, headers, content_type="text/html")
        return JiraRefusal(status, [status.phrase], headers=headers).response()


def _apply_fault(environ: Environ, response: Response, fault: Fault) -> Response:
    match fault.kind:
        case "html":
            return Response(_LOGIN_PAGE, 200, content_type="text/html;charset=UTF-8")
        case "truncated":
            response.set_data(response.get_data()[: len(response.get_data()) // 2])
        case "cut":
            environ[EXCHANGE].ending = Ending.CUT
    return response


def _size(environ: Environ) -> int:
    """Bytes of a POST's body, or of the whole address; at least one."""
    if environ["REQUEST_METHOD"] == "POST":
        return int(environ.get("CONTENT_LENGTH") or 0) + 1
    host = environ.get("HTTP_HOST", "")
    return len(f"http://{host}{environ['PATH_INFO']}?{environ['QUERY_STRING']}")


def _outcome(environ: Environ, response: Response) -> str:
    ending: Ending = environ[EXCHANGE].ending
    return str(response.status_code) if ending is Ending.NORMAL else ending.value
