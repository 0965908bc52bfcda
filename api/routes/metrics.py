"""Metrics for Prometheus."""

from http import HTTPMethod

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.health import metrics
from api.rest.resource import PlainText, Resource
from shared.states import Scope

resource = Resource("metrics", prefix="", about="Metrics for Prometheus.")


@resource.route(
    HTTPMethod.GET,
    "/metrics",
    access=Scope.OPS_READ,
    answers={200: PlainText("Prometheus' text format.")},
)
def read() -> Response:
    """Tell tasks by status, Jira's state, who is alive, webhooks, and requests by route."""
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
