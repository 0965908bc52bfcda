"""Jira's webhooks: proven, stored, and left to the worker."""

from flask import Response
from sqlalchemy.exc import InterfaceError, OperationalError

from api.http.responses import json_answer
from api.rest.resource import JIRA_ONLY, Resource
from api.runtime import in_transaction, notify
from api.schemas.webhooks import Receipt
from api.webhooks.intake import receive_delivery
from shared.broker.wakeups import Wakeup
from shared.errors import DatabaseUnavailableError
from shared.webhooks import inbox

resource = Resource("webhooks", prefix="/api/webhooks", access=JIRA_ONLY, about="Jira's callbacks.")


@resource.route("POST /jira", {200: Receipt, 202: Receipt}, refusals=(401, 413, 503))
def receive() -> Response:
    """Receive one webhook of Jira.

    The body is Jira's, up to 25 MiB, signed in `X-Hub-Signature` (`sha256=` and the HMAC over the
    raw body). Senders that cannot sign prove themselves by a token in `X-Routecard-Token` or in
    the query parameter `token`, or by user and password (Basic); their body is a hint only, and
    may be empty where the query parameter `key` names the ticket. 202: stored; 200: seen before.
    """
    delivery = receive_delivery()
    try:
        receipt = in_transaction(lambda session: inbox.store(session, delivery))
    except (OperationalError, InterfaceError) as error:
        # 503 makes Jira send it again, whatever the database refuses.
        raise DatabaseUnavailableError("The database cannot store this now") from error
    if receipt.fresh:
        notify(Wakeup.DELIVERIES)
    return json_answer(Receipt(id=receipt.delivery_id), status=202 if receipt.fresh else 200)
