"""Serial numbers: create, list, read, advance, scrap, history."""

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from api.auth import scopes
from api.creation.idempotent_create import CreateHeaders, CreateResult, create_once
from api.http.errors import refusal_body, status_of
from api.http.pagination import listed
from api.http.responses import json_answer
from api.rest.resource import JOBS, ListOf, Resource
from api.runtime import in_transaction, transaction
from api.schemas.serials import (
    Advance,
    Advanced,
    AdvanceMany,
    AdvanceResult,
    AdvanceResults,
    AdvanceTo,
    Bypassed,
    Event,
    Scrap,
    SerialOfAddress,
    SerialOut,
    SerialQuery,
    SerialsCreate,
)
from shared.errors import AppError
from shared.production import queries as serial_queries
from shared.production import serials
from shared.production.queries import SerialView, serial_id

resource = Resource(
    "serials", prefix="/api/serials", access=JOBS, about="Units on their way along a path."
)


def _actor(user_id: str | None) -> str:
    """Who the history names."""
    return user_id or scopes.credential().name


@resource.route(
    "POST", {201: ListOf(SerialOut, "The new units, consecutive.")}, refusals=(404, 422)
)
def create(header: CreateHeaders, body: SerialsCreate) -> Response:
    """Create units at the first step of a path, numbered consecutively."""

    def work(session: Session) -> CreateResult:
        made = serials.create(
            session,
            job_id=body.job_id,
            path_id=body.path_id,
            quantity=body.quantity,
            actor=_actor(body.user_id),
        )
        return CreateResult(json_answer([SerialOut.of(serial) for serial in made], status=201))

    return create_once(header, work)


@resource.route("GET", {200: ListOf(SerialOut, "Units in order of their numbers.")})
def read_all(query: SerialQuery) -> Response:
    """List units in order of their numbers.

    With `limit`, the next page is in the header `Link` with `rel="next"`; without it all units
    are streamed.
    """
    filters = query.filters()
    return listed(
        lambda s, count, after: serial_queries.page(s, filters, limit=count, after=after),
        limit=query.limit,
        after=query.cursor,
        show=SerialOut.of,
        key=lambda serial: serial.number,
        cursor=serial_id,
    )


@resource.route("GET /<id>", {200: SerialOut})
def read(path: SerialOfAddress) -> Response:
    """Read a unit."""
    with transaction() as session:
        found = serial_queries.get(session, path.id)
    return json_answer(SerialOut.of(found))


@resource.route(
    "GET /<id>/history", {200: ListOf(Event, "What was done to the unit, oldest first.")}
)
def history(path: SerialOfAddress) -> Response:
    """Who did what with a unit, and when."""
    with transaction() as session:
        events = serial_queries.history(session, path.id)
    return json_answer([Event.of(event) for event in events])


@resource.route("POST /<id>/advance", {200: SerialOut}, refusals=(409,), lookup=serial_queries.get)
def advance(path: SerialOfAddress, body: Advance) -> Response:
    """Move a unit to its next step; past the last it is completed."""
    actor = _actor(body.user_id)
    moved = in_transaction(lambda s: serials.advance(s, path.id, actor=actor))
    return json_answer(SerialOut.of(moved))


@resource.route(
    "POST /<id>/advance-to", {200: Advanced}, refusals=(409,), lookup=serial_queries.get
)
def advance_to(path: SerialOfAddress, body: AdvanceTo) -> Response:
    """Move a unit forward to a step, skipping those between where the path allows it."""
    actor, target = _actor(body.user_id), body.target_step_index
    moved, bypassed = in_transaction(
        lambda s: serials.advance_to(s, path.id, target_index=target, actor=actor)
    )
    skipped = [Bypassed.of(step) for step in bypassed]
    return json_answer(Advanced(serial=SerialOut.of(moved), bypassed=skipped))


@resource.route("POST /advance", {207: AdvanceResults})
def advance_many(body: AdvanceMany) -> Response:
    """Move many units one step each: those that can go, go; each has a result of its own."""
    actor = _actor(body.user_id)
    found = in_transaction(lambda s: serials.advance_many(s, body.ids, actor=actor))
    results = [_result(one) for one in found]
    failed = sum(result.error is not None for result in results)
    content = AdvanceResults(results=results, advanced=len(results) - failed, failed=failed)
    return json_answer(content, status=HTTPStatus.MULTI_STATUS)


def _result(found: SerialView | AppError) -> AdvanceResult:
    if isinstance(found, AppError):
        return AdvanceResult(status=status_of(found), error=refusal_body(found))
    return AdvanceResult(status=HTTPStatus.OK, serial=SerialOut.of(found))


@resource.route("POST /<id>/scrap", {200: SerialOut}, refusals=(409,), lookup=serial_queries.get)
def scrap(path: SerialOfAddress, body: Scrap) -> Response:
    """Take a unit out where it is; it no longer moves and never counts as completed."""
    actor = _actor(body.user_id)
    ended = in_transaction(
        lambda s: serials.scrap(
            s, path.id, reason=body.reason, explanation=body.explanation, actor=actor
        )
    )
    return json_answer(SerialOut.of(ended))
