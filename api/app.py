"""The composition root of the API: settings in, a Flask application out."""

from collections.abc import Collection, Iterable
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.openapi import OpenAPI
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
from api.http.resource import BEARER
from api.routes import RESOURCES, documents
from api.runtime import EXTENSION, Runtime
from api.schemas.answers import Error
from shared.accounts.exposure import check_exposure
from shared.broker.celery_app import Notifier
from shared.clock import Clock, SystemClock
from shared.settings import Settings

VERSION = "1.0.0"
_ABOUT = (
    "Production jobs ordered through Jira. Values that are absent are left out, never `null`; "
    "a `null` that is sent counts as left out. Timestamps are UTC with milliseconds. "
    "Every answer carries `X-Request-ID`."
)
_SECURITY: dict[str, SecurityScheme | dict[str, Any]] = {
    BEARER: {"type": "http", "scheme": "bearer"}
}


def _segment(taken: Collection[str]) -> type[BaseConverter]:
    """A variable of an address: one segment, nothing PostgreSQL could not hold, no word taken."""

    class Segment(BaseConverter):
        part_isolating = True
        regex = rf"(?!(?:{'|'.join(taken)})\Z)[^/]+"

        def to_python(self, value: str) -> str:
            if "\0" in value:
                raise RoutingValidationError
            return value

    return Segment


def _beside_variables(addresses: Iterable[str]) -> list[str]:
    """Last words of fixed addresses where others have a variable: ``/api/jobs/bulk``.

    They name nothing but that address, so that it takes its own methods and no other's.
    """
    parts = [address.rpartition("/") for address in addresses]
    variable = {parent for parent, _, last in parts if last.startswith("<")}
    return sorted({last for parent, _, last in parts if parent in variable and last[0] != "<"})


def create_app(
    settings: Settings,
    *,
    engine: Engine | None = None,
    notifier: Notifier | None = None,
    clock: Clock | None = None,
    authenticate: scopes.Authenticate | None = None,
) -> OpenAPI:
    """Wire the API. Opens no connection: engine and doorbell are made at their first use.

    Raises SettingsError where others could reach it and there is no credential to ask them for.
    """
    check_exposure(settings)
    app = OpenAPI(
        "api",
        info=Info(title="Routecard", version=VERSION, description=_ABOUT),
        security_schemes=_SECURITY,
        doc_ui=False,
        validation_error_status=400,
        validation_error_model=Error,
        static_folder=None,
    )
    app.url_map.merge_slashes = False
    addresses = (address for resource in RESOURCES for address in resource.addresses)
    app.url_map.converters["default"] = _segment(_beside_variables(addresses))
    # For forms of pages, before anybody is known; what reads bodies has limits of its own.
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    runtime = Runtime(settings, engine, notifier, clock or SystemClock())
    app.extensions[EXTENSION] = runtime
    metrics.register(app, runtime)
    request_ids.register(app)
    scopes.register(app, authenticate or Authenticator(runtime))
    sessions.register(app, runtime)
    errors.register(app)
    for resource in RESOURCES:
        app.register_api(resource.blueprint)
    documents.register(app)
    dashboard.register(app)
    scopes.check_all_declared(app)
    _trust_proxies(app, settings.trusted_proxies)
    return app


def _trust_proxies(app: OpenAPI, count: int) -> None:
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way to add one
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=count
        )
