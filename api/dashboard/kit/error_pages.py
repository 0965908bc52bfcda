"""Errors of pages as HTML pages; errors of the REST API stay JSON."""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from api.dashboard.kit.layout import render_page
from api.dashboard.kit.security import protect
from api.http import errors
from shared.errors import AppError, DatabaseUnavailableError
from shared.logs import get_logger

log = get_logger(__name__)

_REST = ("/api", "/metrics", "/healthz", "/readyz", "/openapi.json", "/static/")
_STALE_FORM = "This page was open too long, or cookies are off. Go back, reload and try again."
_TITLES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "This request is not valid",
    HTTPStatus.UNAUTHORIZED: "Log in again",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Page not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Page not found",
    HTTPStatus.CONFLICT: "Not possible now",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database cannot be reached",
}
_FAULT = "Something went wrong in Routecard"
_FAULT_MESSAGE = "The log has the details under this request id."


def attach(pages: Blueprint) -> None:
    """Show errors of these pages as pages."""
    pages.register_error_handler(AppError, _refused)
    pages.register_error_handler(HTTPException, _http)
    pages.register_error_handler(Exception, _fault)


def register(app: Flask) -> None:
    """Answer an unknown address with a page if the client accepts HTML."""
    for kind in (NotFound, MethodNotAllowed):
        app.register_error_handler(kind, _not_found)


def _not_found(error: HTTPException) -> Response:
    wants_page = "text/html" in request.headers.get("Accept", "")
    if request.path.startswith(_REST) or not wants_page:
        return errors.refuse_http(error)
    return _http(error)


def _refused(error: AppError) -> Response:
    status = errors.status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _fault(error)
    answer = _page(status, error.message)
    if isinstance(error, DatabaseUnavailableError):
        answer.headers["Retry-After"] = str(errors.RETRY_AFTER_SECONDS)
    return answer


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _fault(error)
    if isinstance(error, CSRFError):
        return _page(HTTPStatus.BAD_REQUEST, _STALE_FORM)
    return _page(HTTPStatus(error.code), "There is no page at this address.")


def _fault(error: Exception) -> Response:
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR, _FAULT_MESSAGE)


def _page(status: HTTPStatus, message: str) -> Response:
    title = _TITLES.get(status, status.phrase if status < 500 else _FAULT)  # noqa: PLR2004  5xx
    return protect(
        render_page("error", status=status, title=title, message=message, code=int(status))
    )
