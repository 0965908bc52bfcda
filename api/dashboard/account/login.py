"""Logging in and out."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError

from api.auth import sessions
from api.auth.scopes import Unscoped, declare
from api.auth.sessions import plain_http_to_this_machine, protect_form
from api.dashboard.kit.security import protect
from api.runtime import current_runtime
from shared.accounts.guesses import LoginDelayedError
from shared.accounts.login import BadLoginError, Client, LoginBusyError, log_in

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
        secret = log_in(
            current_runtime().engine,
            request.form.get("name", "").replace("\0", ""),
            password=request.form.get("password", ""),
            client=Client(request.remote_addr or "", request.headers.get("User-Agent", "")),
        )
    except BadLoginError as error:
        return _form(error.message, status=403)
    except LoginDelayedError as error:
        return _later(error, status=429)
    except LoginBusyError as error:
        return _later(error, status=503)
    sessions.keep(secret)
    return redirect(_next_address(), 303)


def _later(error: LoginDelayedError | LoginBusyError, *, status: int) -> Response:
    answer = _form(error.message, status=status)
    answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _log_out() -> Any:
    """End this browser's session, for whoever else has its cookie too."""
    protect_form()
    sessions.end()
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
