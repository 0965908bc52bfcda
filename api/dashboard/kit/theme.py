"""Light or dark: as the system says, or as chosen, kept in a cookie that means nothing else."""

from enum import StrEnum
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, request

from api.auth.scopes import Unscoped, declare
from api.auth.sessions import csrf, plain_http_to_this_machine

COOKIE = "routecard_theme"
_YEAR = 365 * 24 * 3600


class Theme(StrEnum):
    """What can be chosen."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def register(app: Flask) -> None:
    """Take the choice; from anybody, as it changes nothing but their own cookie."""
    declare(_choose, Unscoped.PUBLIC)
    app.add_url_rule("/theme", "theme", _choose, methods=["POST"])


def chosen() -> Theme:
    """The choice this request brings."""
    return _theme(request.cookies.get(COOKIE))


def _theme(value: str | None) -> Theme:
    return Theme(value) if value in list(Theme) else Theme.AUTO


def _choose() -> Response:
    csrf.protect()
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
    """The page the choice was made on, which the browser names; never another site's."""
    parts = urlsplit(request.referrer or "")
    ours = parts.netloc == request.host and parts.path.startswith("/")
    address = parts.path + (f"?{parts.query}" if parts.query else "")
    return address if ours and not address.startswith(("//", "/\\")) else "/"
