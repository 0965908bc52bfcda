"""The OpenAPI document and the page that shows it; the page loads nothing from the network."""

from functools import cache

from flask import Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint

from api.auth.scopes import Unscoped, declare
from api.http.responses import JSON, dump
from api.rest import openapi
from api.routes import RESOURCES

DOCUMENT = "/openapi.json"
PAGE = "/docs"
_PAGE_OPTIONS = {
    "app_name": "Routecard API",
    "validatorUrl": "none",
    "oauth2RedirectUrl": f"{PAGE}/oauth2-redirect.html",
}


def register(app: Flask) -> None:
    """Add ``/openapi.json`` and ``/docs``."""
    app.add_url_rule(DOCUMENT, "document", _document)
    app.register_blueprint(
        get_swaggerui_blueprint(PAGE, DOCUMENT, config=_PAGE_OPTIONS, blueprint_name="docs")
    )
    for endpoint in ("document", "docs.show"):
        declare(app.view_functions[endpoint], Unscoped.PUBLIC)


def _document() -> Response:
    return Response(_content(), mimetype=JSON)


@cache
def _content() -> bytes:
    return dump(openapi.document(RESOURCES))
