"""Read and write tickets by id or key, one at a time or up to a hundred at once."""

from typing import Any, Final

from flask import Blueprint, Response, request

from worker.simulator.auth import LoginResult
from worker.simulator.errors import JiraRefusal, issue_not_found, json_response
from worker.simulator.request import Body, Caller, bad_payload, current_caller
from worker.simulator.site.render import Selection
from worker.simulator.site.store import UnknownTicketError
from worker.simulator.site.tickets import Ticket
from worker.simulator.site.values import BadValueError, read_fields
from worker.simulator.state import SimulatorState

BULK_LIMIT: Final = 100
_BULK_MEMBERS: Final = frozenset(
    {"issueIdsOrKeys", "fields", "fieldsByKeys", "expand", "properties"}
)
_EDIT_MEMBERS: Final = frozenset(
    {"fields", "update", "historyMetadata", "properties", "transition"}
)


def issue_routes(state: SimulatorState) -> Blueprint:
    """``issue/{idOrKey}`` on both products, ``issue/bulkfetch`` on Cloud."""
    routes = Blueprint("issue", __name__)

    @routes.get("/issue/<id_or_key>")
    def get_issue(version: str, id_or_key: str) -> Response:
        ticket = _shown(state, current_caller(), id_or_key)
        selection = Selection.of(request.args.getlist("fields"), default="*all")
        expand = request.args.get("expand", "").split(",")
        made = state.contents.renderer.issue(ticket, selection, version=version, expand=expand)
        return json_response(made)

    @routes.put("/issue/<id_or_key>")
    def edit_issue(version: str, id_or_key: str) -> Response:  # noqa: ARG001  part of the address
        ticket = _writable(state, id_or_key)
        fields, parent_id = _changes(state, ticket, Body.of(request, known=_EDIT_MEMBERS))
        state.store.edit(ticket.id, fields, parent_id=parent_id)
        return Response(status=204)

    @routes.delete("/issue/<id_or_key>")
    def delete_issue(version: str, id_or_key: str) -> Response:  # noqa: ARG001  part of the address
        state.store.delete(_writable(state, id_or_key).id)
        return Response(status=204)

    if state.cloud:

        @routes.post("/issue/bulkfetch")
        def bulk_fetch(version: str) -> Response:
            return json_response(_bulk(state, current_caller(), version))

    return routes


def _shown(state: SimulatorState, caller: Caller, id_or_key: str) -> Ticket:
    ticket = caller.visible_version(state.store.find(id_or_key), state.store)
    if ticket is None:
        raise issue_not_found()
    return ticket


def _writable(state: SimulatorState, id_or_key: str) -> Ticket:
    caller = current_caller()
    if not caller.known:
        raise state.authenticator.refusal(LoginResult.ANONYMOUS, browse=state.site.base_url)
    ticket = state.store.find(id_or_key)
    if ticket is None or not ticket.visible:
        raise issue_not_found()
    if state.cloud and state.settings.per_issue_writes:
        state.contents.writes.spend(ticket.id)
    return ticket


def _bulk(state: SimulatorState, caller: Caller, version: str) -> dict[str, Any]:
    """By ascending id, without the tickets that are missing or hidden (JIRA.md section 1)."""
    body = Body.of(request, known=_BULK_MEMBERS)
    wanted = body.strings("issueIdsOrKeys")
    if not wanted:
        raise JiraRefusal(400, ["At least one issue ID or key must be provided."])
    if len(wanted) > BULK_LIMIT:
        raise JiraRefusal(400, [f"The number of issues to fetch must not exceed {BULK_LIMIT}."])
    selection = Selection.of(body.strings("fields"), default="*navigable")
    found = {
        shown.id: shown
        for text in wanted
        if (shown := caller.visible_version(state.store.find(text), state.store)) is not None
    }
    failed = _failing(caller, found)
    renderer, expand = state.contents.renderer, body.strings("expand")
    return {
        "issues": [
            renderer.issue(found[ticket_id], selection, version=version, expand=expand)
            for ticket_id in sorted(found)
            if ticket_id not in failed
        ],
        "issueErrors": [
            {"id": str(ticket_id), "errorMessage": "The issue could not be fetched. Try again."}
            for ticket_id in failed
        ],
    }


def _failing(caller: Caller, found: dict[int, Ticket]) -> list[int]:
    """The ids of an ``issueErrors`` fault: those of its keys, or else the first ``count``."""
    if caller.fault is None or caller.fault.kind != "issueErrors":
        return []
    if (keys := caller.fault.keys) is not None:
        return [ticket.id for ticket in found.values() if ticket.key in keys]
    return sorted(found)[: caller.fault.count]


def _changes(
    state: SimulatorState, ticket: Ticket, body: Body
) -> tuple[dict[str, Any], int | None]:
    """The field values that an edit sets, and the parent it names."""
    written = dict(body.members.get("fields") or {})
    for name, operations in (body.members.get("update") or {}).items():
        written[name] = _operated(ticket.fields.get(name), operations)
    parent = written.pop("parent", None)
    try:
        parent_id = None if parent is None else state.store.get(str(parent["key"])).id
        return read_fields(state.site, written), parent_id
    except BadValueError as error:
        raise JiraRefusal(400, errors=error.errors) from error
    except (UnknownTicketError, KeyError, TypeError) as error:
        raise JiraRefusal(400, errors={"parent": "Specify a valid parent."}) from error


def _operated(value: Any, operations: Any) -> Any:
    """The ``set``, ``add`` and ``remove`` verbs of ``update``."""
    if not isinstance(operations, list):
        raise bad_payload()
    for operation in operations:
        match operation:
            case {"set": new}:
                value = new
            case {"add": item}:
                value = [*(value or []), item]
            case {"remove": item}:
                value = [kept for kept in value or [] if kept != item]
            case _:
                raise bad_payload()
    return value
