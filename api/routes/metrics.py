"""Metrics for Prometheus."""

from http import HTTPMethod

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.health import metrics
from api.http.resource import Resource
from shared.states import Scope

resource = Resource("metrics", prefix="", about="Metrics for Prometheus.")

_TEXT = {
    "description": "Prometheus' text format.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


@resource.route(HTTPMethod.GET, "/metrics", access=Scope.OPS_READ, answers={200: _TEXT})
def read() -> Response:
    """Tell tasks by status, Jira's state, who is alive, webhooks, and requests by route."""
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
