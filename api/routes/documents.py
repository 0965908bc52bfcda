"""The OpenAPI document and the page that shows it; the page loads nothing from the network."""

from flask import Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint

from api.auth.scopes import Unscoped, declare
from api.http.responses import JSON, dump
from api.rest import openapi
from api.routes import RESOURCES
from api.runtime import Runtime, current_runtime
from api.schemas.fields import ANY_KEY_PATTERN, CLOUD_KEY_PATTERN
from shared.settings.issue_keys import CLOUD_PATTERN, key_pattern

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
    return Response(current_runtime().singleton(_content), mimetype=JSON)


def _content(runtime: Runtime) -> bytes:
    cloud = key_pattern(runtime.settings) == CLOUD_PATTERN
    pattern = CLOUD_KEY_PATTERN if cloud else ANY_KEY_PATTERN
    return dump(openapi.document(RESOURCES, key_pattern=pattern))
