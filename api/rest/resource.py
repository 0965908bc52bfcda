"""The route table: every route of the REST API with its access rule, inputs and answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy.orm import Session

from api.auth.scopes import Access, Unscoped
from api.http.json_body import BODY_BYTES
from shared.states import Scope

View = Callable[..., Any]
Lookup = Callable[[Session, str], object]
"""Reads what has this id. Raises NotFoundError."""


class AccessRules(NamedTuple):
    """The access rules of a resource: of its GET routes, and of all others."""

    read: Access
    write: Access


JOBS = AccessRules(Scope.JOBS_READ, Scope.JOBS_WRITE)
OPS = AccessRules(Scope.OPS_READ, Scope.OPS_WRITE)
PUBLIC = AccessRules(Unscoped.PUBLIC, Unscoped.PUBLIC)
JIRA_ONLY = AccessRules(Unscoped.SIGNED_BY_JIRA, Unscoped.SIGNED_BY_JIRA)


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
    lookup: Lookup | None
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

    def __init__(self, name: str, *, prefix: str, access: AccessRules, about: str) -> None:
        self.name = name
        self.about = about
        self.routes: list[Route] = []
        self._prefix = prefix
        self._access = access

    def route(
        self,
        line: str,
        answers: Mapping[int, Answer],
        *,
        refusals: tuple[int, ...] = (),
        lookup: Lookup | None = None,
        body_limit: int = BODY_BYTES,
    ) -> Callable[[View], View]:
        """Add a view to the table; ``line`` is its method and its rule, as in ``GET /<id>``.

        ``lookup(session, id)`` raises NotFoundError: with it, a bad body is refused only if the
        resource exists.
        """
        method, _, rule = line.partition(" ")

        def add(view: View) -> View:
            route = Route(
                resource=self.name,
                method=HTTPMethod(method),
                rule=self._prefix + rule,
                view=view,
                access=self._access.read if method == HTTPMethod.GET else self._access.write,
                answers=answers,
                refusals=refusals,
                lookup=lookup,
                body_limit=body_limit,
            )
            self.routes.append(route)
            return view

        return add
