"""Light or dark colours: as the system says, or as chosen and kept in a cookie."""

from enum import StrEnum
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, request

from api.auth.scopes import Unscoped, declare
from api.auth.sessions import plain_http_to_this_machine, protect_form

COOKIE = "routecard_theme"
_YEAR = 365 * 24 * 3600


class Theme(StrEnum):
    """The choices."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def register(app: Flask) -> None:
    """Accept a choice from everybody: it changes only the client's own cookie."""
    declare(_choose, Unscoped.PUBLIC)
    app.add_url_rule("/theme", "theme", _choose, methods=["POST"])


def chosen() -> Theme:
    """The choice in this request's cookie."""
    return _theme(request.cookies.get(COOKIE))


def _theme(value: str | None) -> Theme:
    return Theme(value) if value in list(Theme) else Theme.AUTO


def _choose() -> Response:
    protect_form()
    answer = make_response(redirect(_back(), 303))
    answer.set_cookie(
        COOKIE,
        _theme(request.form.get("theme")),
        max_age=_YEAR,
        samesite="Lax",
        httponly=True,
        secure=not plain_http_to_this_machine(),
    )
    return answer


def _back() -> str:
    """The page on which the choice was made, as the browser says; never a page of another site."""
    parts = urlsplit(request.referrer or "")
    ours = parts.netloc == request.host and parts.path.startswith("/")
    address = parts.path + (f"?{parts.query}" if parts.query else "")
    return address if ours and not address.startswith(("//", "/\\")) else "/"
