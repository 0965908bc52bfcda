"""The admin's list of webhooks: ``/rest/webhooks/1.0/webhook`` as the Jira UI itself uses it."""

from typing import Any, Final

from flask import Blueprint, Response, g

from worker.simulator.asking import bad_payload
from worker.simulator.control.routes import body
from worker.simulator.errors import JiraRefusal, json_response
from worker.simulator.webhooks.hooks import BadHookError, Hook
from worker.simulator.world import World

_FILTER: Final = "issue-related-events-section"


def webhook_routes(world: World) -> Blueprint:
    """List, register and remove webhooks; an administrator's right (``config.admin``)."""
    routes = Blueprint("webhooks", __name__)
    routes.before_request(lambda: _only_admins(world))

    @routes.get("/webhook")
    def listed() -> Response:
        return json_response([_shown(world, hook) for hook in world.courier.hooks])

    @routes.post("/webhook")
    def register() -> Response:
        hook = _hook(body())
        world.courier.hooks.append(hook)
        return json_response(_shown(world, hook), status=201)

    @routes.delete("/webhook/<int:number>")
    def remove(number: int) -> Response:
        kept = [hook for hook in world.courier.hooks if hook.number != number]
        if len(kept) == len(world.courier.hooks):
            raise JiraRefusal(404, ["Webhook does not exist."])
        world.courier.hooks[:] = kept
        return Response(status=204)

    return routes


def _only_admins(world: World) -> None:
    if not g.caller.known:
        raise world.gatekeeper.refusal(g.caller.login, browse=world.site.base_url)
    if not world.config.admin:
        raise JiraRefusal(403, ["You do not have permission to manage webhooks."])


def _hook(members: Any) -> Hook:
    if not isinstance(members, dict):
        raise bad_payload()
    filters = members.get("filters") or {}
    wanted = {name: members[name] for name in _TAKEN if name in members}
    try:
        return Hook.of(wanted | {"jql": filters.get(_FILTER, "")})
    except (BadHookError, TypeError, ValueError) as error:
        raise JiraRefusal(400, [str(error)]) from error


_TAKEN: Final = ("url", "secret", "name", "events", "excludeBody", "enabled")


def _shown(world: World, hook: Hook) -> dict[str, Any]:
    return {
        "self": f"{world.site.base_url}/rest/webhooks/1.0/webhook/{hook.number}",
        "name": hook.name,
        "url": hook.url,
        "events": sorted(hook.events),
        "filters": {_FILTER: hook.jql} if hook.jql else {},
        "excludeBody": hook.exclude_body,
        "enabled": hook.enabled,
        "isSigned": bool(hook.secret),
    }
