"""Requests of this process by route, status and time, beside the gauges of the whole system."""

from flask import Flask, Response, current_app, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from api.runtime import Runtime, current_runtime
from shared.health.metrics import SystemCollector
from shared.settings import metrics_folder

_EXTENSION = "routecard_metrics"
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NO_ROUTE = "(none)"
"""The route of requests to addresses that nothing answers, so that no client makes up labels."""


class _Requests:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.total = Counter(
            "routecard_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "routecard_http_request_seconds",
            "Time to the beginning of the answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )


def register(app: Flask, process: Runtime) -> None:
    """Measure every request of this application."""
    requests = _Requests()
    app.extensions[_EXTENSION] = requests

    def begin() -> None:
        g.began = process.clock.monotonic()

    def end(answer: Response) -> Response:
        if "began" in g:
            route = request.url_rule.rule if request.url_rule else NO_ROUTE
            method = request.method if request.url_rule else NO_ROUTE
            requests.total.labels(method, route, str(answer.status_code)).inc()
            requests.seconds.labels(method, route).observe(process.clock.monotonic() - g.began)
        return answer

    app.before_request(begin)
    app.after_request(end)


def exposition() -> bytes:
    """All metrics in Prometheus' text format; with several processes, requests of all of them."""
    system = CollectorRegistry()
    system.register(SystemCollector(current_runtime().engine))
    return generate_latest(system) + generate_latest(_requests())


def _requests() -> CollectorRegistry:
    folder = metrics_folder()
    if folder is None:
        own: _Requests = current_app.extensions[_EXTENSION]
        return own.registry
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]  # the library has no types here
    return shared
