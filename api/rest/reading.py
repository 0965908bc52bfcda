"""From a request to a view's arguments: each input is read, validated and passed by name."""

from functools import wraps
from typing import Any

from flask import Flask, request

from api.auth.scopes import declare
from api.http import json_body
from api.http.parameters import checked, single_values
from api.rest.resource import Resource, Route, View
from api.runtime import transaction
from api.schemas.fields import Body, Headers
from shared.errors import AppError


def register(app: Flask, resource: Resource) -> None:
    """Add a resource's routes to the application."""
    for route in resource.routes:
        view = _reading(route)
        declare(view, route.access)
        app.add_url_rule(route.rule, route.operation_id, view, methods=[route.method])


def _reading(route: Route) -> View:
    """The view behind the reading of its inputs."""
    path, query, header, body = map(route.input, ("path", "query", "header", "body"))

    @wraps(route.view)
    def read_and_call(**variables: str) -> Any:
        inputs: dict[str, Any] = {}
        if path is not None:
            inputs["path"] = path.model_construct(None, **variables)
        if query is not None:
            inputs["query"] = checked(query, single_values(request.args))
        if header is not None:
            inputs["header"] = checked(header, _sent_headers(header))
        if body is not None:
            inputs["body"] = _read_body(route, body, variables)
        return route.view(**inputs)

    return read_and_call


def _read_body(route: Route, model: type[Body], variables: dict[str, str]) -> Any:
    try:
        if not model.body_required and not _body_sent():
            return checked(model, {})
        content = json_body.json_object(limit=route.body_limit, entries=model.entries)
        return checked(model, content)
    except AppError:
        if route.lookup is not None:
            with transaction() as session:
                route.lookup(session, variables["id"])
        raise


def _body_sent() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _sent_headers(model: type[Headers]) -> dict[str, str]:
    names = (field.alias or name for name, field in model.model_fields.items())
    return {name: request.headers[name] for name in names if name in request.headers}
