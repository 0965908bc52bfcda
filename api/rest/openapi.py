"""The OpenAPI 3.1 document, from the route table and the models of its inputs and answers."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from inspect import getdoc
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.rest.resource import Answer, ListOf, PlainText, Resource, Route
from api.schemas.answers import Error, error_example
from api.schemas.fields import CLOUD_KEY_PATTERN
from shared.states import Scope

BEARER = "bearer"
"""Name of the security scheme."""
VERSION = "1.0.0"
_ABOUT = (
    "Production jobs ordered through Jira. Values that are absent are left out, never `null`; "
    "a `null` that is sent counts as left out. Timestamps are UTC with milliseconds. "
    "Every answer carries `X-Request-ID`."
)
_REFERENCE = "#/components/schemas/"
_PARAMETERS = ("header", "path", "query")

_Mode = Literal["validation", "serialization"]
_Schema = dict[str, Any]


def document(resources: Sequence[Resource], *, key_pattern: str) -> dict[str, Any]:
    """The document of these resources, as served at /openapi.json.

    ``key_pattern`` is the pattern of ticket keys in requests.
    """
    routes = [route for resource in resources for route in resource.routes]
    schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        address = re.sub(r"<(\w+)>", r"{\1}", route.rule)
        paths.setdefault(address, {})[route.method.lower()] = _operation(route, schemas)
    for name in {model.__name__ for route in routes for model in _parameter_models(route)}:
        del schemas[name]
    made = {
        "openapi": "3.1.0",
        "info": {"title": "Routecard", "version": VERSION, "description": _ABOUT},
        "tags": [{"name": one.name, "description": one.about} for one in resources],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {BEARER: {"type": "http", "scheme": "bearer"}},
        },
    }
    return cast("dict[str, Any]", _with_key_pattern(made, key_pattern))


def _with_key_pattern(part: Any, pattern: str) -> Any:
    if isinstance(part, dict):
        return {name: _with_key_pattern(one, pattern) for name, one in part.items()}
    if isinstance(part, list):
        return [_with_key_pattern(one, pattern) for one in part]
    return pattern if part == CLOUD_KEY_PATTERN else part


def _schemas(routes: Sequence[Route]) -> dict[str, _Schema]:
    """The schema of every model by its name, parameters included; pydantic makes names unique."""
    models: dict[tuple[type[BaseModel], _Mode], None] = {(Error, "serialization"): None}
    for route in routes:
        inputs = [*_parameter_models(route), route.input("body")]
        models |= {(model, "validation"): None for model in inputs if model is not None}
        models |= {(model, "serialization"): None for model in _answer_models(route)}
    _, found = models_json_schema(list(models), ref_template=_REFERENCE + "{model}")
    return dict(found["$defs"])


def _parameter_models(route: Route) -> list[type[BaseModel]]:
    return [model for name in _PARAMETERS if (model := route.input(name)) is not None]


def _answer_models(route: Route) -> Iterator[type[BaseModel]]:
    for answer in route.answers.values():
        if isinstance(answer, ListOf):
            yield answer.model
        elif isinstance(answer, type):
            yield answer


def _operation(route: Route, schemas: dict[str, _Schema]) -> dict[str, Any]:
    summary, _, description = (getdoc(route.view) or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.resource],
        "summary": summary,
        "responses": {str(status): one for status, one in sorted(_responses(route).items())},
    }
    if description:
        operation["description"] = description
    if parameters := list(_parameters(route, schemas)):
        operation["parameters"] = parameters
    if isinstance(route.access, Scope):
        operation["security"] = [{BEARER: [str(route.access)]}]
    if body := route.input("body"):
        operation["requestBody"] = {"content": _json_of(body), "required": body.body_required}
    return operation


def _parameters(route: Route, schemas: dict[str, _Schema]) -> Iterator[dict[str, Any]]:
    for place in _PARAMETERS:
        model = route.input(place)
        described = schemas[model.__name__] if model else {}
        for name, schema in described.get("properties", {}).items():
            required = place == "path" or name in described.get("required", [])
            shown = {key: schema[key] for key in ("description", "example") if key in schema}
            yield {"name": name, "in": place, "required": required, "schema": schema, **shown}


def _responses(route: Route) -> dict[int, dict[str, Any]]:
    answers = {status: _response(status, answer) for status, answer in route.answers.items()}
    return {status: _refusal(status) for status in _refusals(route)} | answers


def _response(status: int, answer: Answer) -> dict[str, Any]:
    if answer is None:
        return {"description": HTTPStatus(status).phrase}
    if isinstance(answer, PlainText):
        content = {"text/plain": {"schema": {"type": "string"}}}
        return {"description": answer.description, "content": content}
    if isinstance(answer, ListOf):
        schema = {"type": "array", "items": _reference(answer.model)}
        return {"description": answer.description, "content": _json(schema)}
    return {"description": HTTPStatus(status).phrase, "content": _json_of(answer)}


def _refusals(route: Route) -> set[int]:
    """The statuses of a route's refusals: its own, and those that follow from its inputs."""
    statuses = {*route.refusals, 500}
    if isinstance(route.access, Scope):
        statuses |= {401, 403, 429, 503}
    if route.input("body"):
        statuses |= {400, 413, 415}
    if route.input("query") or route.input("header"):
        statuses.add(400)
    if route.input("path"):
        statuses.add(404)
    return statuses


def _refusal(status: int) -> dict[str, Any]:
    content = _json(_reference(Error), example=error_example(status))
    return {"description": HTTPStatus(status).phrase, "content": content}


def _reference(model: type[BaseModel]) -> _Schema:
    return {"$ref": _REFERENCE + model.__name__}


def _json(schema: _Schema, **more: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema, **more}}


def _json_of(model: Any) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in model.examples.items()}
    return _json(_reference(model), **({"examples": shown} if shown else {}))
