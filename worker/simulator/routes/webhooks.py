"""The list of webhooks, ``/rest/webhooks/1.0/webhook``, which only administrators may use."""

from typing import Any, Final

from flask import Blueprint, Response, g

from worker.simulator.errors import JiraRefusal, json_response
from worker.simulator.state import SimulatorState
from worker.simulator.webhooks.webhook import Webhook

_FILTER: Final = "issue-related-events-section"


def webhook_routes(state: SimulatorState) -> Blueprint:
    """List the webhooks; with ``config.admin`` the account is administrator."""
    routes = Blueprint("webhooks", __name__)
    routes.before_request(lambda: _only_admins(state))

    @routes.get("/webhook")
    def listed() -> Response:
        return json_response([_shown(state, webhook) for webhook in state.sender.webhooks])

    return routes


def _only_admins(state: SimulatorState) -> None:
    if not g.caller.known:
        raise state.authenticator.refusal(g.caller.login, browse=state.site.base_url)
    if not state.config.admin:
        raise JiraRefusal(403, ["You do not have permission to manage webhooks."])


def _shown(state: SimulatorState, webhook: Webhook) -> dict[str, Any]:
    """As in the control API, except for what Jira does not have."""
    shown = webhook.to_json()
    return {
        "self": f"{state.site.base_url}/rest/webhooks/1.0/webhook/{shown.pop('id')}",
        "filters": {_FILTER: jql} if (jql := shown.pop("jql")) else {},
    } | {name: value for name, value in shown.items() if name not in ("duplicates", "reorder")}
