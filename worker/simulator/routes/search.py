"""Searches: by token on Cloud, by offset on Data Center, and 410 for the removed search."""

from typing import Any, Final

from flask import Blueprint, Response, request

from worker.simulator.errors import SEARCH_REMOVED, JiraRefusal, json_response
from worker.simulator.request import Body, current_caller, parse_number
from worker.simulator.search.index import (
    BadTokenError,
    Search,
    SearchResult,
    read_token,
    write_token,
)
from worker.simulator.search.jql import JqlError
from worker.simulator.search.match import ProjectCheck
from worker.simulator.site.render import Selection, expansions
from worker.simulator.site.tickets import Ticket
from worker.simulator.state import SimulatorState

_PAGE: Final = 50
_PAGE_WITH_FIELDS: Final = 100
_PAGE_BARE: Final = 5000
_PAGE_SERVER: Final = 1000
_RECONCILE_LIMIT: Final = 50
_RESULT_WINDOW: Final = 10_000
_JQL_MEMBERS: Final = frozenset(
    {"jql", "nextPageToken", "maxResults", "fields", "expand", "properties"}
    | {"fieldsByKeys", "failFast", "reconcileIssues"}
)
_SERVER_MEMBERS: Final = frozenset(
    {"jql", "startAt", "maxResults", "fields", "expand", "validateQuery", "fieldsByKeys"}
)


def cloud_search_routes(state: SimulatorState) -> Blueprint:
    """``search/jql`` and ``search/approximate-count``; 410 for the removed ``search``."""
    routes = Blueprint("search", __name__)

    @routes.route("/search", methods=["GET", "POST"])
    def removed(version: str) -> Response:  # noqa: ARG001  part of the address
        raise JiraRefusal(410, [SEARCH_REMOVED])

    @routes.route("/search/jql", methods=["GET", "POST"])
    def search(version: str) -> Response:
        return json_response(_page(state, _body(_JQL_MEMBERS), version))

    @routes.post("/search/approximate-count")
    def count(version: str) -> Response:  # noqa: ARG001  part of the address
        body = Body.of(request, known=frozenset({"jql"}))
        search = _search(state, body.text("jql"), now_ms=state.store.now_ms())
        return json_response({"count": len(_run(state, search, bounded=True).tickets)})

    return routes


def server_search_routes(state: SimulatorState) -> Blueprint:
    """Data Center's ``search`` with ``startAt`` and ``total`` (JIRA.md section 3)."""
    routes = Blueprint("search", __name__)

    @routes.route("/search", methods=["GET", "POST"])
    def search(version: str) -> Response:
        return json_response(_window(state, _body(_SERVER_MEMBERS), version))

    return routes


def _body(known: frozenset[str]) -> Body:
    """The body of a POST, or the query string of a GET in the form of a body."""
    if request.method == "POST":
        return Body.of(request, known=known)
    args = request.args
    members: dict[str, Any] = {name: args[name] for name in _TEXT_ARGS if name in args}
    for name in ("maxResults", "startAt"):
        if name in args:
            members[name] = parse_number(args[name], 0)
    members["fields"] = args.getlist("fields")
    listed = ",".join(args.getlist("reconcileIssues"))
    members["reconcileIssues"] = [parse_number(one, 0) for one in listed.split(",") if one]
    return Body(members)


_TEXT_ARGS: Final = ("jql", "nextPageToken", "expand", "validateQuery")


def _search(state: SimulatorState, jql: str, *, now_ms: int, **more: Any) -> Search:
    strict = more.pop("strict", state.settings.missing_key_is_error and current_caller().known)
    hidden = state.settings.hidden_project_is_error
    more.setdefault("projects", ProjectCheck.HIDDEN if hidden else ProjectCheck.UNKNOWN)
    lag_ms = int(state.settings.search_lag_seconds * 1000)
    return Search(jql=jql, now_ms=now_ms, lag_ms=lag_ms, strict=strict, **more)


def _run(state: SimulatorState, search: Search, *, bounded: bool) -> SearchResult:
    """An anonymous caller finds nothing (JIRA.md section 5)."""
    try:
        found = state.contents.index.run(search, bounded=bounded)
    except JqlError as error:
        raise JiraRefusal(400, [str(error)]) from error
    return found if current_caller().known else SearchResult([], ())


def _page(state: SimulatorState, body: Body, version: str) -> dict[str, Any]:
    search, place = _search_of_page(state, body)
    found = _run(state, search, bounded=True)
    selection = Selection.of(body.strings("fields"), default="id")
    size = _page_size(state, body, bare=selection.bare is not None)
    start = found.after(place) if place and found.tickets else 0
    chosen = found.tickets[start : start + size]
    last = start + size >= len(found.tickets)
    answer: dict[str, Any] = {
        "issues": _render(state, chosen, selection, version),
        "isLast": last,
    }
    if not last:
        answer["nextPageToken"] = write_token(search, found.place(chosen[-1]))
    return answer | expansions(selection.fields, body.text("expand").split(","))


def _search_of_page(state: SimulatorState, body: Body) -> tuple[Search, list[Any]]:
    jql, token = body.text("jql"), body.text("nextPageToken")
    reconcile = tuple(body.numbers("reconcileIssues"))
    if len(reconcile) > _RECONCILE_LIMIT:
        raise JiraRefusal(400, [f"reconcileIssues holds at most {_RECONCILE_LIMIT} ids."])
    try:
        now_ms, place = read_token(token, jql=jql) if token else (state.store.now_ms(), [])
    except BadTokenError as error:
        raise JiraRefusal(400, [str(error)]) from error
    return _search(state, jql, now_ms=now_ms, reconcile=reconcile), place


def _page_size(state: SimulatorState, body: Body, *, bare: bool) -> int:
    asked = body.number("maxResults", _PAGE)
    if asked < 1:
        raise JiraRefusal(400, ["maxResults must be greater than 0."])
    size = min(asked, _PAGE_BARE if bare else _PAGE_WITH_FIELDS)
    return max(1, size * 2 // 3) if state.settings.short_pages else size


def _render(
    state: SimulatorState, tickets: list[Ticket], selection: Selection, version: str
) -> list[dict[str, Any]]:
    store, renderer = state.store, state.contents.renderer
    if current_caller().mode() == "stale":
        tickets = [store.before_last(ticket) for ticket in tickets]
    return [renderer.issue(ticket, selection, version=version) for ticket in tickets]


def _window(state: SimulatorState, body: Body, version: str) -> dict[str, Any]:
    start = body.number("startAt", 0)
    size = min(body.number("maxResults", _PAGE), _PAGE_SERVER)
    if start + size > _RESULT_WINDOW:
        raise JiraRefusal(500, ["Result window is too large, see max.result.window."])
    strict = str(body.members.get("validateQuery", "strict")).lower() not in _LENIENT
    lenient = {} if strict else {"projects": ProjectCheck.NONE}
    search = _search(state, body.text("jql"), now_ms=state.store.now_ms(), strict=strict, **lenient)
    found = _run(state, search, bounded=False)
    selection = Selection.of(body.strings("fields"), default="*navigable")
    answer: dict[str, Any] = {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": size,
        "total": len(found.tickets),
        "issues": _render(state, found.tickets[start : start + size], selection, version),
    }
    return answer | expansions(selection.fields, _expand(body))


_LENIENT: Final = ("false", "none", "warn")


def _expand(body: Body) -> list[str]:
    """``expand`` is a list in a POST to Data Center and a comma string in a GET."""
    expand = body.members.get("expand", "")
    return expand.split(",") if isinstance(expand, str) else expand
