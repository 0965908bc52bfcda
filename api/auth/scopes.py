"""Access rules: each route declares a scope, and one hook checks it before every request."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from flask import Flask, Request, g, request

from api.http.refusals import ForbiddenError
from shared.accounts.credentials import Credential
from shared.states import Scope

Authenticate = Callable[[Request], Credential]
"""Returns the caller. Raises UnauthenticatedError if the credential is missing or wrong."""

ATTRIBUTE = "routecard_access"


class Unscoped(Enum):
    """Access rules of routes that need no bearer token."""

    PUBLIC = auto()
    SIGNED_BY_JIRA = auto()


Access = Scope | Unscoped


def declare(view: Any, access: Access) -> None:
    """Declare a view's access rule; api.rest.reading does it for every route of the REST API."""
    setattr(view, ATTRIBUTE, access)


def register(app: Flask, authenticate: Authenticate) -> None:
    """Check the scope before each request that needs one."""

    def check() -> None:
        access = access_of(app, request.endpoint)
        if isinstance(access, Scope):
            g.credential = _allowed(authenticate(request), access)

    app.before_request(check)


def _allowed(caller: Credential, scope: Scope) -> Credential:
    if not caller.may(scope):
        raise ForbiddenError(f"This needs the scope {scope}, which your credential does not have")
    return caller


def access_of(app: Flask, endpoint: str | None) -> Access | None:
    """The rule that an endpoint declares; None for pages, which have their own login."""
    return getattr(app.view_functions.get(endpoint or ""), ATTRIBUTE, None)


def credential() -> Credential:
    """The caller of this request."""
    found: Credential = g.credential
    return found


def check_all_declared(app: Flask) -> None:
    """Refuse to start if a route under /api declares no access rule."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api") and access_of(app, rule.endpoint) is None:
            raise AssertionError(f"{rule.rule} declares no access rule")
