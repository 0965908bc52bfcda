"""Logging in and out."""

from typing import Any

import flask_login
from flask import Blueprint, Response, make_response, redirect, render_template, request, session
from flask_wtf.csrf import CSRFError

from api.auth import sessions
from api.auth.scopes import Unscoped, declare
from api.auth.sessions import Account, plain_http_to_this_machine, protect_form
from api.dashboard.kit.security import protect
from api.runtime import current_runtime
from shared.accounts.login import BadLoginError, LockedOutError, log_in
from shared.errors import AppError

blueprint = Blueprint("login", __name__, template_folder=".")
blueprint.after_request(protect)

_NEEDS_TLS = (
    "Passwords are accepted over HTTPS only. If a proxy in front of Routecard terminates TLS, "
    "set ROUTECARD_TRUSTED_PROXIES to the number of proxies."
)
_STALE = "This page was open too long, or cookies are off. Please try again."


def _page() -> Any:
    """Show the form, or redirect if no login is needed."""
    if sessions.current_operator() is not None or not sessions.login_needed():
        return redirect(_next_address(), 303)
    return _form()


def _submit() -> Any:
    """Log in with the form's name and password."""
    if not request.is_secure and not plain_http_to_this_machine():
        return _form(_NEEDS_TLS, status=403)
    try:
        protect_form()
    except CSRFError:
        return _form(_STALE, status=400)
    try:
        operator = log_in(
            current_runtime().engine,
            request.form.get("name", "").replace("\0", ""),
            password=request.form.get("password", ""),
            address=request.remote_addr or "",
        )
    except (BadLoginError, LockedOutError) as error:
        return _refused(error)
    session.clear()
    session.permanent = True
    flask_login.login_user(Account(operator))
    return redirect(_next_address(), 303)


def _refused(error: AppError) -> Response:
    if not isinstance(error, LockedOutError):
        return _form(error.message, status=403)
    answer = _form(error.message, status=429)
    answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _log_out() -> Any:
    """End this browser's session."""
    protect_form()
    flask_login.logout_user()
    session.clear()
    return redirect("/login", 303)


def _form(problem: str = "", *, status: int = 200) -> Response:
    page = render_template("login.html", problem=problem, next_address=_next_address())
    answer = make_response(page, status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _next_address() -> str:
    """The page to show next: one of ours, never one of another site or of the REST API."""
    address = request.values.get("next", "/")
    # One leading slash leaves no room for a scheme or a host; browsers read a backslash as a slash.
    ours = address.startswith("/") and not address.startswith(("//", "/\\", "/api", "/login"))
    return address if ours and address.isprintable() else "/"


for _rule, _method, _view in (
    ("/login", "GET", _page),
    ("/login", "POST", _submit),
    ("/logout", "POST", _log_out),
):
    declare(_view, Unscoped.PUBLIC)
    blueprint.add_url_rule(_rule, _view.__name__.strip("_"), _view, methods=[_method])
