"""The OpenAPI document and the page that shows it, without anything from the network."""

from flask import Blueprint, Response, current_app, redirect
from flask.typing import ResponseReturnValue
from flask_openapi3.openapi import OpenAPI
from flask_openapi3_swagger.plugins import RegisterPlugin

from api.access import Unscoped, declare
from api.answers import json_answer

DOCUMENT = "/openapi.json"
PAGE = "/docs"


def register(app: OpenAPI) -> None:
    """Add ``/openapi.json`` and ``/docs``."""
    app.add_url_rule(DOCUMENT, "document", _document)
    app.add_url_rule(PAGE, "docs", _page)
    swagger: Blueprint = RegisterPlugin.register(doc_url=DOCUMENT)
    app.register_blueprint(swagger, url_prefix=PAGE)
    for endpoint in ("document", "docs"):
        declare(app.view_functions[endpoint], Unscoped.PUBLIC)


def _document() -> Response:
    return json_answer(current_app.api_doc)  # type: ignore[attr-defined]  # it is our OpenAPI


def _page() -> ResponseReturnValue:
    return redirect(f"{PAGE}/{RegisterPlugin.name}")
