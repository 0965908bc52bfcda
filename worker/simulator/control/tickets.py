"""``/_sim/tickets``: making, changing, moving, hiding and deleting tickets as others in Jira do."""

from typing import Any

from flask import Blueprint, Response

from worker.simulator.control.routes import body, refuse
from worker.simulator.errors import json_response
from worker.simulator.site.render import Selection
from worker.simulator.site.store import UnknownTicketError
from worker.simulator.site.tickets import Ticket
from worker.simulator.site.values import BadValueError, read_fields
from worker.simulator.world import World


def ticket_controls(world: World) -> Blueprint:
    """Everything under ``/_sim/tickets``; an unknown key is 404, a bad value 400."""
    routes = Blueprint("ticket-controls", __name__)
    routes.register_error_handler(UnknownTicketError, _unknown)
    routes.register_error_handler(BadValueError, lambda error: refuse(str(error)))
    _collection(routes, world)
    _single(routes, world)
    return routes


def _collection(routes: Blueprint, world: World) -> None:
    @routes.post("")
    def create() -> Response:
        wanted = body() or {}
        project = wanted.get("project", "PI")
        if project not in world.store.projects:
            return refuse(f"no project {project}")
        if "fields" in wanted:
            keys = [_create(world, project, wanted["fields"])]
        else:
            keys = world.contents.seeder.more(project=project, count=int(wanted.get("count", 1)))
        return json_response({"keys": keys}, status=201)


def _single(routes: Blueprint, world: World) -> None:
    @routes.get("/<key>")
    def show(key: str) -> Response:
        return json_response(_shown(world, world.store.get(key)))

    @routes.patch("/<key>")
    def edit(key: str) -> Response:
        fields, parent_id = _wire(world, body() or {})
        ticket = world.store.edit(world.store.get(key).id, fields, parent_id=parent_id)
        return json_response(_shown(world, ticket))

    @routes.delete("/<key>")
    def delete(key: str) -> Response:
        world.store.delete(world.store.get(key).id)
        return Response(status=204)

    @routes.post("/<key>/move")
    def move(key: str) -> Response:
        project = (body() or {}).get("project", "TL")
        if project not in world.store.projects:
            return refuse(f"no project {project}")
        ticket = world.store.move(world.store.get(key).id, project=project)
        return json_response(_shown(world, ticket))

    @routes.post("/<key>/<any('hide', 'unhide'):verb>")
    def hide(key: str, verb: str) -> Response:
        world.store.hide(world.store.get(key).id, hidden=verb == "hide")
        return Response(status=204)


def _create(world: World, project: str, written: dict[str, Any]) -> str:
    usual = {"summary": "Made by script", "issuetype": "Task", "status": "To Do"}
    fields, parent_id = _wire(world, usual | written)
    kept = {"labels": []} | {name: value for name, value in fields.items() if value is not None}
    return world.store.add(project=project, fields=kept, parent_id=parent_id).key


def _wire(world: World, written: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    parent = written.get("parent")
    fields = read_fields(world.site, {k: v for k, v in written.items() if k != "parent"})
    return fields, world.store.get(str(parent)).id if parent is not None else None


def _shown(world: World, ticket: Ticket) -> dict[str, Any]:
    everything = Selection.of(["*all"], default="*all")
    return world.contents.renderer.issue(ticket, everything, version="2")


def _unknown(error: UnknownTicketError) -> Response:
    return json_response({"message": f"no ticket {error}"}, status=404)
