"""Puts the API together: settings in, a Flask application out.

A request takes this way: a line of the route table (``api.rest.resource``, filled by the modules
in ``api.routes``), the access check (``api.auth.scopes``), the reading of its inputs
(``api.rest.reading``), the view. Errors become answers in ``api.http.errors``.
"""

from collections.abc import Collection, Iterable

from flask import Flask
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter
from werkzeug.routing import ValidationError as RoutingValidationError

from api import dashboard
from api.auth import scopes, sessions
from api.auth.bearer import Authenticator
from api.health import metrics
from api.http import errors, request_ids
from api.http.json_body import BODY_BYTES
from api.rest import reading
from api.routes import RESOURCES, documents
from api.runtime import Runtime
from shared.accounts.exposure import check_exposure
from shared.settings import Settings


def create_app(
    settings: Settings, *, engine: Engine | None = None, under_dev: bool = False
) -> Flask:
    """Put the application together. It opens no connection before the first request.

    ``under_dev``: whether `routecard dev` started this process; only then there is an open mode.

    Raises SettingsError if other machines could reach it and no credential protects it.
    """
    check_exposure(settings)
    app = Flask("api", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["default"] = _segment(_fixed_siblings(_rules()))
    # For the forms of pages, before the operator is known; what reads other bodies limits them.
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    runtime = Runtime(settings, engine=engine, under_dev=under_dev)
    runtime.register(app)
    metrics.register(app, runtime)
    request_ids.register(app)
    scopes.register(app, Authenticator(runtime))
    sessions.register(app, settings)
    errors.register(app)
    for resource in RESOURCES:
        reading.register(app, resource)
    documents.register(app)
    dashboard.register(app)
    scopes.check_all_declared(app)
    _trust_proxies(app, settings.trusted_proxies)
    return app


def _rules() -> Iterable[str]:
    return (route.rule for resource in RESOURCES for route in resource.routes)


def _segment(reserved: Collection[str]) -> type[BaseConverter]:
    """A variable of an address: one segment without NUL that is not a reserved word."""

    class Segment(BaseConverter):
        part_isolating = True
        regex = rf"(?!(?:{'|'.join(reserved)})\Z)[^/]+"

        def to_python(self, value: str) -> str:
            if "\0" in value:
                raise RoutingValidationError
            return value

    return Segment


def _fixed_siblings(rules: Iterable[str]) -> list[str]:
    """Last segments that are fixed where another rule has a variable: ``/api/jobs/bulk``.

    They never stand for a variable, so that such an address takes its own methods only.
    """
    parts = [rule.rpartition("/") for rule in rules]
    variable = {parent for parent, _, last in parts if last.startswith("<")}
    return sorted({last for parent, _, last in parts if parent in variable and last[0] != "<"})


def _trust_proxies(app: Flask, count: int) -> None:
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way to add one
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=count
        )
