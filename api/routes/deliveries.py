"""Webhook deliveries: what came in, what became of it, and once more."""

from collections.abc import Sequence
from http import HTTPMethod

from flask import Response
from sqlalchemy.orm import Session

from api.auth.bearer import current_actor
from api.http.pagination import listed
from api.http.request_ids import request_id
from api.http.responses import json_answer
from api.rest.resource import ListOf, Resource
from api.runtime import current_runtime, transaction
from api.schemas.webhooks import (
    DeliveryDetail,
    DeliveryOut,
    DeliveryPath,
    DeliveryQuery,
    ReplayOut,
    ReplayRequest,
)
from api.webhooks import replays
from shared.accounts.audit import AuditContext
from shared.database.engine import begin
from shared.errors import NotFoundError
from shared.states import Scope
from shared.webhooks import inbox
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryFilter, DeliveryRow

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

    replays.replay_one(path.id, context=_audit_context())
    with transaction() as session:
        row = _found(session, path.id)
    return json_answer(DeliveryOut.of(row), status=202)


@resource.route(
    HTTPMethod.POST, "/replay", access=Scope.OPS_WRITE, answers={200: ReplayOut, 202: ReplayOut}
)
def replay_all(body: ReplayRequest) -> Response:
    """Apply all deliveries that match once more; 200 with `dryRun`, which only counts."""
    wanted = body.filter.filters()
    with transaction() as session:
        matching = delivery_queries.count(session, wanted)
    replayed = 0 if body.dry_run else _replay_all(body, wanted)
    counts = {
        "matched": matching.matched,
        "replayable": matching.replayable,
        "replayed": replayed,
        "waiting": matching.waiting,
        "bodyGone": matching.bodiless,
        "dryRun": body.dry_run,
    }
    return json_answer(counts, status=200 if body.dry_run else 202)


def _replay_all(body: ReplayRequest, wanted: DeliveryFilter) -> int:
    chosen = body.filter.model_dump(mode="json", by_alias=True, exclude_none=True)
    return replays.replay_all(wanted, context=_audit_context(), chosen=chosen)


def _audit_context() -> AuditContext:
    return AuditContext(actor=current_actor(), request_id=request_id())


def _found(session: Session, delivery_id: str) -> DeliveryRow:
    row = delivery_queries.one(session, delivery_id)
    if row is None:
        raise NotFoundError(inbox.KIND, delivery_id)
    return row
