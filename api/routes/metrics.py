"""Metrics for Prometheus."""

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.health import metrics
from api.rest.resource import OPS, PlainText, Resource

resource = Resource("metrics", prefix="", access=OPS, about="Metrics for Prometheus.")


@resource.route("GET /metrics", {200: PlainText("Prometheus' text format.")})
def read() -> Response:
    """Tell tasks by status, Jira's state, who is alive, webhooks, and requests by route."""
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
