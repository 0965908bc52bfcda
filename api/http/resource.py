"""One resource of the REST API: its routes, each with scope, answers and refusals documented."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPMethod, HTTPStatus
from typing import Any, cast

from flask import request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.schema import Schema
from flask_openapi3.models.tag import Tag
from flask_openapi3.utils import get_model_schema
from pydantic import BaseModel

from api.auth.scopes import Access, declare
from api.http import json_body
from api.http.parameters import checked, single_values
from api.schemas.answers import Error, error_example
from api.schemas.fields import Body, Headers, Query
from shared.errors import AppError
from shared.states import Scope

View = Callable[..., Any]
Answers = Mapping[int, Any]
"""Documented answers by status: a model, a ``ListOf`` one, or None for no content."""

_READING = "routecard_reading"
_VIEW = "routecard_view"
BEARER = "bearer"
"""Name of the security scheme in the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """An answer that is a plain array of these."""

    model: type[BaseModel]
    description: str


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a view's body is read."""

    lookup: Callable[..., None] | None
    body_limit: int


class Resource:
    """The routes of one resource; ``api.routes`` lists them for ``create_app``.

    A view gets what its parameters are named for: ``path`` (a model of the rule's variables, not
    checked: they are texts without NUL), ``query`` (a ``Query``), ``header`` (``Headers``) and
    ``body`` (a ``Body``), the last three checked in this order before it runs.
    """

    def __init__(self, name: str, *, prefix: str, about: str) -> None:
        self.blueprint = _Blueprint(
            name,
            __name__,
            url_prefix=prefix,
            abp_tags=[Tag(name=name, description=about)],
            operation_id_callback=_operation_id,
        )
        self.addresses: list[str] = []
        """The rules of its routes, as `route` adds them."""
        self._prefix = prefix

    def route(
        self,
        method: HTTPMethod,
        rule: str = "",
        *,
        access: Access,
        answers: Answers,
        refusals: tuple[int, ...] = (),
        lookup: Callable[..., None] | None = None,
        body_limit: int = json_body.BODY_BYTES,
    ) -> Callable[[View], View]:
        """Register a view.

        ``refusals`` are the statuses of its own that it answers in the error shape; those every
        route shares are added. ``lookup(path)`` raises NotFoundError: with it a body is judged
        only once the resource is known to exist. ``body_limit`` in bytes.
        """

        def register(view: View) -> View:
            documented = {**self._documented(answers), **_refusals(view, access, refusals)}
            security = [{BEARER: [str(access)]}] if isinstance(access, Scope) else None
            self.addresses.append(self._prefix + rule)
            view.__dict__.setdefault(_READING, _Reading(lookup, body_limit))
            add = getattr(self.blueprint, method.lower())
            add(rule, responses=documented, security=security)(view)
            declare(view.__dict__[_VIEW], access)
            return view

        return register

    def _documented(self, answers: Answers) -> dict[int, Any]:
        documented: dict[int, Any] = {}
        for status, answer in answers.items():
            documented[status] = answer
            if isinstance(answer, ListOf):
                _know(self.blueprint, answer.model)
                schema = {"type": "array", "items": _reference(answer.model)}
                documented[status] = _json(answer.description, schema)
        return documented


def _operation_id(*, bp_name: str, name: str, path: str, method: str) -> str:  # noqa: ARG001  the library passes them by name
    return f"{bp_name}_{name}_{method.lower()}"


def _know(blueprint: APIBlueprint, model: type[BaseModel]) -> None:
    """Put a model among the document's components."""
    schema = get_model_schema(model, mode="serialization")
    for name, definition in {**schema.pop("$defs", {}), model.__name__: schema}.items():
        blueprint.components_schemas[name] = Schema(**definition)


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refusals(view: View, access: Access, own: tuple[int, ...]) -> dict[int, Any]:
    statuses = {*own, 500}
    if isinstance(access, Scope):
        statuses |= {401, 403, 429, 503}
    if "body" in view.__annotations__:
        statuses |= {400, 413, 415}
    if "query" in view.__annotations__ or "header" in view.__annotations__:
        statuses.add(400)
    if "path" in view.__annotations__:
        statuses.add(404)
    return {status: _refusal(HTTPStatus(status)) for status in sorted(statuses)}


def _refusal(status: HTTPStatus) -> dict[str, Any]:
    answer = _json(status.phrase, _reference(Error))
    answer["content"]["application/json"]["example"] = error_example(status)
    return answer


class _Blueprint(APIBlueprint):
    """Documents as its base does, and reads requests our way: strictly, and in our words."""

    @staticmethod
    def create_view_func(  # type: ignore[override]  # what follows ``query`` is not heeded
        func: View, header: Any, _cookie: Any, path: Any, query: Any, *_rest: Any, **_options: Any
    ) -> View:
        if _VIEW not in func.__dict__:
            models = {"path": path, "query": query, "header": header}
            func.__dict__[_VIEW] = _reading(func, **models, body=func.__annotations__.get("body"))
        return cast(View, func.__dict__[_VIEW])


def _reading(
    view: View,
    *,
    path: type[BaseModel] | None,
    query: type[Query] | None,
    header: type[Headers] | None,
    body: type[Body] | None,
) -> View:
    """The view behind the reading of what its parameters are named for."""
    how: _Reading = view.__dict__[_READING]

    @wraps(view)
    def called(**variables: str) -> Any:
        given: dict[str, Any] = {}
        if path is not None:
            given["path"] = path.model_construct(None, **variables)
        if query is not None:
            given["query"] = checked(query, single_values(request.args))
        if header is not None:
            given["header"] = checked(header, _sent(header))
        if body is not None:
            given["body"] = _body(body, how, given.get("path"))
        return view(**given)

    return called


def _body(model: type[Body], how: _Reading, path: BaseModel | None) -> Any:
    try:
        if _left_out(model):
            return checked(model, {})
        content = json_body.json_object(limit=how.body_limit, entries=model.entries)
        return checked(model, content)
    except AppError:
        if how.lookup is not None:
            how.lookup(path)
        raise


def _left_out(model: type[Body]) -> bool:
    """Whether no body came, where the model says to the document that none need come."""
    extra = cast(dict[str, Any], model.model_config).get("openapi_extra", {})
    came = request.content_length or "Transfer-Encoding" in request.headers
    return not extra.get("required", True) and not came


def _sent(model: type[Headers]) -> dict[str, str]:
    names = (field.alias or name for name, field in model.model_fields.items())
    return {name: request.headers[name] for name in names if name in request.headers}
