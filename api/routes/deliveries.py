"""Webhook deliveries: list, read, replay."""

from collections.abc import Sequence
from http import HTTPMethod

from flask import Response
from sqlalchemy.orm import Session

from api.actions import bulk as bulk_requests
from api.actions.bulk import bulk_answer
from api.auth.audit_context import audit_context
from api.http.pagination import listed
from api.http.responses import json_answer
from api.rest.resource import ListOf, Resource
from api.runtime import current_runtime, in_transaction, notify, transaction
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
from shared.database.engine import begin
from shared.errors import Kind, NotFoundError
from shared.states import Operation, Scope
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryRow

resource = Resource(
    "deliveries", prefix="/api/webhooks/deliveries", about="What Jira's webhooks brought."
)


@resource.route(
    HTTPMethod.GET,
    access=Scope.OPS_READ,
    answers={200: ListOf(DeliveryOut, "Deliveries, newest first.")},
)
def read_all(query: DeliveryQuery) -> Response:
    """List webhook deliveries, newest first, without their bodies."""
    engine, filters = current_runtime().engine, query.filters()

    def fetch(count: int, before: str | None) -> Sequence[DeliveryRow]:
        with begin(engine) as session:
            return delivery_queries.page(session, filters, limit=count, before=before)

    return listed(
        fetch, limit=query.limit, after=query.cursor, show=DeliveryOut.of, key=lambda row: row.id
    )


@resource.route(HTTPMethod.GET, "/<id>", access=Scope.OPS_READ, answers={200: DeliveryDetail})
def read(path: DeliveryPath) -> Response:
    """Read a delivery with its body, as long as that is kept."""
    with transaction() as session:
        row = _found(session, path.id)
        body = delivery_queries.body(session, path.id)
    text = None if body is None else body.decode("utf-8", "replace")
    return json_answer(DeliveryDetail.of(row, body=text))


@resource.route(
    HTTPMethod.POST,
    "/<id>/replay",
    access=Scope.OPS_WRITE,
    answers={202: DeliveryOut},
    refusals=(409,),
)
def replay(path: DeliveryPath) -> Response:
    """Apply a delivery once more.

    409 where it was not applied for the first time yet, or its body is no longer kept.
    """
    in_transaction(lambda session: replay_one(session, path.id, context=audit_context()))
    notify(Wakeup.DELIVERIES)
    with transaction() as session:
        row = _found(session, path.id)
    return json_answer(DeliveryOut.of(row), status=202)


@resource.route(
    HTTPMethod.POST, "/replay", access=Scope.OPS_WRITE, answers={200: ReplayOut, 202: ReplayOut}
)
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


def _found(session: Session, delivery_id: str) -> DeliveryRow:
    row = delivery_queries.one(session, delivery_id)
    if row is None:
        raise NotFoundError(Kind.DELIVERY, delivery_id)
    return row
