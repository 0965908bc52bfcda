"""The route table: every route of the REST API with its access rule, inputs and answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any

from pydantic import BaseModel

from api.auth.scopes import Access
from api.http.json_body import BODY_BYTES

View = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A documented answer: a JSON array of these."""

    model: type[BaseModel]
    description: str


@dataclass(frozen=True, slots=True)
class PlainText:
    """A documented answer that is not JSON."""

    description: str


Answer = type[BaseModel] | ListOf | PlainText | None
"""A documented answer; None: no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table. The answers and refusals are for the OpenAPI document."""

    resource: str
    method: HTTPMethod
    rule: str
    """The address with its variables, such as ``/api/jobs/<id>``."""
    view: View
    access: Access
    answers: Mapping[int, Answer]
    refusals: tuple[int, ...]
    """Statuses of refusals beside those that every such route has."""
    lookup: Callable[..., None] | None
    body_limit: int
    """In bytes."""

    @property
    def operation_id(self) -> str:
        """Its name, in the OpenAPI document and as Flask's endpoint."""
        return f"{self.resource}_{self.view.__name__}_{self.method.lower()}"

    def input(self, name: str) -> Any:
        """The model of the view's parameter ``name``, None if the view does not take it."""
        return self.view.__annotations__.get(name)


class Resource:
    """The routes of one resource; ``api.routes`` lists them for ``create_app``.

    A view declares its inputs by the names of its parameters: ``path`` (a model of the rule's
    variables, not validated: they are texts without NUL), ``query`` (a ``Query``), ``header``
    (``Headers``) and ``body`` (a ``Body``). ``api.rest.reading`` reads them in this order.
    """

    def __init__(self, name: str, *, prefix: str, about: str) -> None:
        self.name = name
        self.about = about
        self.routes: list[Route] = []
        self._prefix = prefix

    def route(
        self,
        method: HTTPMethod,
        rule: str = "",
        *,
        access: Access,
        answers: Mapping[int, Answer],
        refusals: tuple[int, ...] = (),
        lookup: Callable[..., None] | None = None,
        body_limit: int = BODY_BYTES,
    ) -> Callable[[View], View]:
        """Add a view to the table.

        ``lookup(path)`` raises NotFoundError: with it, a bad body is refused only if the resource
        exists.
        """

        def add(view: View) -> View:
            route = Route(
                resource=self.name,
                method=method,
                rule=self._prefix + rule,
                view=view,
                access=access,
                answers=answers,
                refusals=refusals,
                lookup=lookup,
                body_limit=body_limit,
            )
            self.routes.append(route)
            return view

        return add
