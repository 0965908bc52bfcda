"""Registration of pages: each with its access check, its headers, and its errors as pages."""

from collections.abc import Callable
from functools import wraps
from http import HTTPMethod
from typing import Any, TypeVar

from flask import Blueprint, g

from api.auth.sessions import require_operator
from api.dashboard.kit import error_pages
from api.dashboard.kit.security import protect
from shared.states import Role

View = TypeVar("View", bound=Callable[..., Any])


class Pages(Blueprint):
    """The pages of one group. Every page is registered with an access check.

    The blueprint is called ``pages_NAME``, as the REST API has the plain names.
    """

    def __init__(self, name: str, module: str) -> None:
        """``module`` is the ``__name__`` of the module whose folder holds the templates."""
        super().__init__(f"pages_{name}", module, template_folder=".")
        self.after_request(protect)
        error_pages.attach(self)

    def page(self, rule: str, *, role: Role = Role.READ_ONLY) -> Callable[[View], View]:
        """Register a page that operators with this role may see."""
        return self._guarded(rule, HTTPMethod.GET, role)

    def action(self, rule: str, *, role: Role = Role.FULL) -> Callable[[View], View]:
        """Register the action of a form: POST with a CSRF token, for operators with this role."""
        return self._guarded(rule, HTTPMethod.POST, role)

    def _guarded(self, rule: str, method: HTTPMethod, role: Role) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            endpoint = f"{rule}_{method.lower()}"
            guarded = require_operator(role)(_authorized(view))
            self.add_url_rule(rule, endpoint, guarded, methods=[method.value])
            return view

        return decorate


def _authorized(view: Callable[..., Any]) -> Callable[..., Any]:
    """Note that access was granted: from here on, an error page may show the navigation."""

    @wraps(view)
    def called(**variables: str) -> Any:
        g.authorized = True
        return view(**variables)

    return called
