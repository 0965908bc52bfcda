"""How pages are added: each with its guard, its headers, and its errors shown as pages."""

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
    """The pages of one concept. Each is guarded: there is no way to add one that is not.

    In Flask's list of blueprints they are ``pages_NAME``: the REST API has the plain names.
    """

    def __init__(self, name: str, module: str) -> None:
        """``module`` is the ``__name__`` of the module whose folder holds the templates."""
        super().__init__(f"pages_{name}", module, template_folder=".")
        self.after_request(protect)
        error_pages.attach(self)

    def page(self, rule: str, *, role: Role = Role.READ_ONLY) -> Callable[[View], View]:
        """A page that operators of this role may see."""
        return self._guarded(rule, HTTPMethod.GET, role)

    def action(self, rule: str) -> Callable[[View], View]:
        """Something that a form does: by POST, with its CSRF token, by full operators alone."""
        return self._guarded(rule, HTTPMethod.POST, Role.FULL)

    def _guarded(self, rule: str, method: HTTPMethod, role: Role) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            endpoint = f"{view.__name__}_{method.lower()}"
            guarded = require_operator(role)(_inside(view))
            self.add_url_rule(rule, endpoint, guarded, methods=[method.value])
            return view

        return decorate


def _inside(view: Callable[..., Any]) -> Callable[..., Any]:
    """Past the guard: from here on an error page may show the navigation."""

    @wraps(view)
    def called(**variables: str) -> Any:
        g.inside = True
        return view(**variables)

    return called
