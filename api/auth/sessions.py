"""Sessions and roles of operators, and CSRF protection of the dashboard's forms."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import quote

from flask import Flask, Request, Response, g, redirect, request
from flask import session as cookie
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect

from api.auth.open_mode import in_open_mode
from api.auth.origins import host_and_port, is_cross_site
from api.http.refusals import ForbiddenError, UnauthenticatedError
from api.runtime import current_runtime
from shared.accounts import sessions
from shared.accounts.operators import OperatorView
from shared.accounts.session_key import session_key
from shared.accounts.sessions import LIFETIME_HOURS, OpenSession
from shared.database.engine import in_transaction
from shared.settings import Settings, is_loopback
from shared.states import Role

ROLE_ATTRIBUTE = "routecard_role"
_KEY = "session"
_SAFE = ("GET", "HEAD", "OPTIONS")
_API = ("/api/", "/metrics", "/healthz", "/readyz")

View = TypeVar("View", bound=Callable[..., Any])
csrf = CSRFProtect()


class _Sessions(SecureCookieSessionInterface):
    """Cookies for pages only: the REST API neither reads nor sets them.

    They are ``Secure`` except on plain HTTP to this machine. The prefix ``__Host-`` of a secure one
    makes browsers refuse it from any other host, such as another subdomain of the shop.
    """

    def get_cookie_name(self, app: Flask) -> str:
        """The name, with the prefix if the cookie is secure."""
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if self.get_cookie_secure(app) else name

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a page; an empty one for the REST API."""
        if request.path.startswith(_API):
            return SecureCookieSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie if a page changed its session."""
        if not request.path.startswith(_API):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  Flask's signature
        """Whether the browser may send the cookie over TLS only."""
        return not plain_http_to_this_machine()


def plain_http_to_this_machine() -> bool:
    """Whether this request came over plain HTTP to a loopback name."""
    return not request.is_secure and is_loopback(host_and_port(request.host)[0])


def register(app: Flask, settings: Settings) -> None:
    """Give the application its sessions."""
    app.secret_key = session_key(settings)
    app.session_interface = _Sessions()
    app.config.update(
        SESSION_COOKIE_NAME="routecard_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=LIFETIME_HOURS),
        # The cookie is set only after a change: the refresh of a page must not restore the cookie
        # from before a form that was sent in the meantime.
        SESSION_REFRESH_EACH_REQUEST=False,
        # Pages check the token together with the operator; the REST API has no cookie.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    csrf.init_app(app)


def keep(secret: str) -> None:
    """Put the secret of a new session into an empty cookie; the session before, if any, ends."""
    end()
    cookie.permanent = True
    cookie[_KEY] = secret


def end() -> None:
    """End the session of this request on the server, and empty its cookie."""
    current = current_session()
    if current is not None:
        in_transaction(
            current_runtime().engine,
            lambda s: sessions.end(s, current.id, operator_id=current.operator.id),
        )
    g.pop("session", None)
    cookie.clear()


def current_session() -> OpenSession | None:
    """The session of this request, or None. It is looked up once a request, and not cached."""
    if "session" not in g:
        g.session = _look_up(cookie.get(_KEY))
    found: OpenSession | None = g.session
    return found


def _look_up(secret: Any) -> OpenSession | None:
    if not isinstance(secret, str):
        return None
    return in_transaction(current_runtime().engine, lambda s: sessions.look_up(s, secret))


def login_needed() -> bool:
    """Whether this request needs a login to see a page."""
    return not in_open_mode(request, current_runtime())


def protect_form() -> None:
    """Check that a form was sent from a page of ours.

    Raises ForbiddenError if another site sent it, CSRFError without the page's token.
    """
    if is_cross_site(request):
        raise ForbiddenError("This form was sent from another site")
    csrf.protect()


def current_operator() -> OperatorView | None:
    """The operator that is logged in, or None."""
    current = current_session()
    return None if current is None else current.operator


def may_act() -> bool:
    """Whether the viewer of this page may change things; pages hide their buttons otherwise."""
    operator: OperatorView | None = g.get("operator")
    return operator is None or operator.may(Role.FULL)


def require_operator(role: Role = Role.READ_ONLY) -> Callable[[View], View]:
    """Restrict a page or an action to operators with this role.

    Put it under the route's decorator. Unsafe methods need a CSRF token. Without a login, a
    browser is sent to the login page and a script gets 401. Raises ForbiddenError if the role is
    not sufficient.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            refusal = _check(role)
            return refusal if refusal is not None else view(*args, **kwargs)

        setattr(guarded, ROLE_ATTRIBUTE, role)
        return cast(View, guarded)

    return decorate


def _check(role: Role) -> Any:
    if login_needed():
        operator = current_operator()
        if operator is None:
            return _to_login()
        if not operator.may(role):
            raise ForbiddenError("Your account is read-only: ask for the full role")
        g.operator = operator
    if request.method not in _SAFE:
        protect_form()
    return None


def _to_login() -> Any:
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        raise UnauthenticatedError("Your session has ended: log in again")
    target = request.full_path.rstrip("?") if request.method in _SAFE else "/"
    return redirect(f"/login?next={quote(target, safe='/')}", 303)
