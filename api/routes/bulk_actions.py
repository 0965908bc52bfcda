"""Bulk actions: how far a retry, cancel or replay of all that match is."""

from flask import Response

from api.actions import bulk
from api.http.responses import json_answer
from api.rest.resource import OPS, Resource
from api.schemas.bulk_actions import BulkActionOut, BulkActionPath

resource = Resource(
    "bulk_actions",
    prefix=bulk.ADDRESS,
    access=OPS,
    about="Retries, cancellations and replays of all that match.",
)


@resource.route("GET /<id>", {200: BulkActionOut})
def read(path: BulkActionPath) -> Response:
    """Say how far a bulk action is.

    One that takes longer than about a second continues in a worker, also after its request or its
    worker has died.
    """
    return json_answer(BulkActionOut.of(bulk.read(path.id)))
