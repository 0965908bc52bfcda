"""Metrics: requests of this process by route, status and time, and gauges of the whole system."""

from flask import Flask, Response, g, request
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

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NO_ROUTE = "(none)"
"""The route of requests that match none, so that clients cannot create labels."""


class _Requests:
    def __init__(self, runtime: Runtime) -> None:
        self.registry = CollectorRegistry()
        self._clock = runtime.clock
        self._total = Counter(
            "routecard_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "routecard_http_request_seconds",
            "Time to the beginning of the answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def begin(self) -> None:
        g.began = self._clock.monotonic()

    def end(self, answer: Response) -> Response:
        if "began" in g:
            route = request.url_rule.rule if request.url_rule else NO_ROUTE
            method = request.method if request.url_rule else NO_ROUTE
            self._total.labels(method, route, str(answer.status_code)).inc()
            self._seconds.labels(method, route).observe(self._clock.monotonic() - g.began)
        return answer


def register(app: Flask, runtime: Runtime) -> None:
    """Measure every request of this application."""
    requests = runtime.singleton(_Requests)
    app.before_request(requests.begin)
    app.after_request(requests.end)


def exposition() -> bytes:
    """All metrics in Prometheus' text format; with several processes, requests of all of them."""
    system = CollectorRegistry()
    system.register(SystemCollector(current_runtime().engine))
    return generate_latest(system) + generate_latest(_requests())


def _requests() -> CollectorRegistry:
    folder = metrics_folder()
    if folder is None:
        return current_runtime().singleton(_Requests).registry
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]  # the library has no types here
    return shared
