"""Liveness and readiness of this process."""

from flask import Response

from api.health.readiness import Prober
from api.http.refusals import NotReadyError
from api.http.responses import json_answer
from api.rest.resource import PUBLIC, Resource
from api.runtime import current_runtime
from api.schemas.health import Alive, Ready

resource = Resource("health", prefix="", access=PUBLIC, about="Signs of life.")


@resource.route("GET /healthz", {200: Alive})
def healthz() -> Response:
    """Say that this process answers."""
    return json_answer(Alive(status="ok"))


@resource.route("GET /readyz", {200: Ready}, refusals=(503,))
def readyz() -> Response:
    """Say whether this process can serve: database there, migrations in place."""
    readiness = current_runtime().singleton(Prober).check()
    if readiness.refusal is not None:
        raise NotReadyError(readiness.refusal)
    return json_answer(Ready(status="ready", degraded=list(readiness.degraded)))
