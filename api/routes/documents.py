"""The OpenAPI document and the page that shows it, without anything from the network."""

from typing import Any, cast

from flask import Blueprint, Response, current_app, redirect
from flask.typing import ResponseReturnValue
from flask_openapi3.openapi import OpenAPI
from flask_openapi3_swagger.plugins import RegisterPlugin

from api.auth.scopes import Unscoped, declare
from api.http.responses import json_answer
from api.schemas.answers import Error

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
    return json_answer(document(cast(OpenAPI, current_app)))


def document(app: OpenAPI) -> dict[str, Any]:
    """What the library made of the routes, without the answer of its own it adds to each."""
    made = cast(dict[str, Any], app.api_doc)
    for item in made["paths"].values():
        for operation in item.values():
            answers = operation["responses"]
            operation["responses"] = {
                status: answer for status, answer in answers.items() if not _added(answer)
            }
    return made


def _added(answer: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("items") == {"$ref": f"#/components/schemas/{Error.__name__}"})


def _page() -> ResponseReturnValue:
    return redirect(f"{PAGE}/{RegisterPlugin.name}")
