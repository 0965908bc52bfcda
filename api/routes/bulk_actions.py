"""Bulk actions: how far a retry, cancel or replay of all that match is."""

from http import HTTPMethod

from flask import Response

from api.actions import bulk
from api.http.responses import json_answer
from api.rest.resource import Resource
from api.schemas.bulk_actions import BulkActionOut, BulkActionPath
from shared.states import Scope

resource = Resource(
    "bulk_actions",
    prefix=bulk.ADDRESS,
    about="Retries, cancellations and replays of all that match.",
)


@resource.route(HTTPMethod.GET, "/<id>", access=Scope.OPS_READ, answers={200: BulkActionOut})
def read(path: BulkActionPath) -> Response:
    """Say how far a bulk action is.

    One that takes longer than about a second continues in a worker, also after its request or its
    worker has died.
    """
    return json_answer(BulkActionOut.of(bulk.read(path.id)))
