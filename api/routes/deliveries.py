"""Webhook deliveries: list, read, replay."""

from flask import Response

from api.actions import bulk as bulk_requests
from api.actions.bulk import bulk_answer
from api.auth.bearer import audit_context
from api.http.pagination import listed
from api.http.responses import json_answer
from api.rest.resource import OPS, ListOf, Resource
from api.runtime import in_transaction, notify, transaction
from api.schemas.bulk_actions import ReplayOut
from api.schemas.webhooks import (
    DeliveryDetail,
    DeliveryOut,
    DeliveryPath,
    DeliveryQuery,
    ReplayRequest,
)
from shared.actions import bulk
from shared.actions.deliveries import replay as replay_one
from shared.broker.wakeups import Wakeup
from shared.states import Operation
from shared.webhooks import queries as delivery_queries

resource = Resource(
    "deliveries",
    prefix="/api/webhooks/deliveries",
    access=OPS,
    about="What Jira's webhooks brought.",
)


@resource.route("GET", {200: ListOf(DeliveryOut, "Deliveries, newest first.")})
def read_all(query: DeliveryQuery) -> Response:
    """List webhook deliveries, newest first, without their bodies."""
    filters = query.filters()
    return listed(
        lambda s, count, before: delivery_queries.page(s, filters, limit=count, before=before),
        limit=query.limit,
        after=query.cursor,
        show=DeliveryOut.of,
        key=lambda row: row.id,
    )


@resource.route("GET /<id>", {200: DeliveryDetail})
def read(path: DeliveryPath) -> Response:
    """Read a delivery with its body, as long as that is kept."""
    with transaction() as session:
        row = delivery_queries.get(session, path.id)
        body = delivery_queries.body(session, path.id)
    text = None if body is None else body.decode("utf-8", "replace")
    return json_answer(DeliveryDetail.of(row, body=text))


@resource.route("POST /<id>/replay", {202: DeliveryOut}, refusals=(409,))
def replay(path: DeliveryPath) -> Response:
    """Apply a delivery once more.

    409 where it was not applied for the first time yet, or its body is no longer kept.
    """
    in_transaction(lambda session: replay_one(session, path.id, context=audit_context()))
    notify(Wakeup.DELIVERIES)
    with transaction() as session:
        row = delivery_queries.get(session, path.id)
    return json_answer(DeliveryOut.of(row), status=202)


@resource.route("POST /replay", {200: ReplayOut, 202: ReplayOut})
def replay_all(body: ReplayRequest) -> Response:
    """Apply all deliveries that match once more; 200 with `dryRun`, which only counts.

    An answer with `id` continues in the background.
    """
    filters = body.filter.filters()
    if body.dry_run:
        with transaction() as session:
            return bulk_answer(ReplayOut.of(bulk.preview(session, Operation.REPLAY, filters)))
    action = bulk_requests.start(Operation.REPLAY, filters, context=audit_context())
    return bulk_answer(ReplayOut.of(bulk.counts_of(action), action), status=202)
