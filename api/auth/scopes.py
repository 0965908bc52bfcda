"""Where every call meets its access rule: each route states a scope, one hook asks for it."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from flask import Flask, Request, g, request

from api.http.refusals import ForbiddenError
from shared.accounts.credentials import Credential
from shared.states import Scope

Authenticate = Callable[[Request], Credential]
"""Says who is calling. Raises UnauthenticatedError where a credential is needed or wrong."""

ATTRIBUTE = "routecard_access"


class Unscoped(Enum):
    """Routes that ask for no scope of a bearer token."""

    PUBLIC = auto()
    SIGNED_BY_JIRA = auto()


Access = Scope | Unscoped


def declare(view: Any, access: Access) -> None:
    """State a view's access rule; api.rest.resource does it for every route of the REST API."""
    setattr(view, ATTRIBUTE, access)


def register(app: Flask, authenticate: Authenticate) -> None:
    """Ask ``authenticate`` before each request that needs a scope."""

    def check() -> None:
        access = access_of(app, request.endpoint)
        if isinstance(access, Scope):
            g.credential = _allowed(authenticate(request), access)

    app.before_request(check)


def _allowed(caller: Credential, scope: Scope) -> Credential:
    if not caller.may(scope):
        raise ForbiddenError(f"This needs the scope {scope}, which your credential lacks")
    return caller


def access_of(app: Flask, endpoint: str | None) -> Access | None:
    """The rule an endpoint stated; None for pages, which have a login of their own."""
    return getattr(app.view_functions.get(endpoint or ""), ATTRIBUTE, None)


def credential() -> Credential:
    """Who is calling."""
    found: Credential = g.credential
    return found


def check_all_declared(app: Flask) -> None:
    """Refuse to start with a route under /api that forgot its access rule."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api") and access_of(app, rule.endpoint) is None:
            raise AssertionError(f"{rule.rule} states no access rule")
