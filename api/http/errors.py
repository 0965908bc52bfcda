"""Answers every error in one JSON shape; the only module that maps errors to HTTP statuses."""

from http import HTTPStatus

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from api.http.refusals import (
    BodyTooLargeError,
    ForbiddenError,
    MalformedBodyError,
    NotReadyError,
    RateLimitedError,
    UnauthenticatedError,
    UnsupportedMediaError,
)
from api.http.responses import json_answer
from api.schemas.answers import Error, FieldError
from shared.errors import (
    AppError,
    ConflictError,
    DatabaseUnavailableError,
    FieldProblem,
    InvalidInputError,
    NotFoundError,
    StaleError,
)
from shared.jobs.idempotency import KeyReusedError
from shared.logs import get_logger

log = get_logger(__name__)

RETRY_AFTER_SECONDS = 2
"""``Retry-After`` of a 503: our database is usually back within seconds."""

STATUSES: dict[type[AppError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.BAD_REQUEST,
    MalformedBodyError: HTTPStatus.BAD_REQUEST,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    StaleError: HTTPStatus.PRECONDITION_FAILED,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    DatabaseUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReadyError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def register(app: Flask) -> None:
    """Answer every error of this application in our shape."""
    app.register_error_handler(AppError, _refuse)
    app.register_error_handler(HTTPException, refuse_http)
    app.register_error_handler(Exception, _fault)


def error_body(
    status: int, code: str, message: str, problems: tuple[FieldProblem, ...] = ()
) -> Error:
    """The error shape of spec/API.md, "error body"."""
    return Error(
        status_code=status,
        code=code,
        message=message,
        errors=[FieldError.from_row(problem) for problem in problems] or None,
        request_id=g.get("request_id", ""),
    )


def refusal_body(error: AppError) -> Error:
    """The same shape for a refusal inside an answer, as in a bulk create."""
    return error_body(status_of(error), error.code, error.message, getattr(error, "problems", ()))


def status_of(error: AppError) -> HTTPStatus:
    """The HTTP status of a refusal; a subclass has the status of its nearest known ancestor."""
    found = (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def _refuse(error: AppError) -> Response:
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR or _denies_a_write(error):
        return _fault(error)
    return json_answer(refusal_body(error), status=status, headers=_headers(error, status))


def _denies_a_write(error: AppError) -> bool:
    """Whether it would say that nothing was written, though something was (spec/API.md, 503)."""
    return isinstance(error, DatabaseUnavailableError) and g.get("has_written", False)


def _headers(error: AppError, status: HTTPStatus) -> dict[str, str]:
    if isinstance(error, RateLimitedError):
        return {"Retry-After": str(error.retry_after)}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="routecard"'}
    return {}


_MESSAGES = {
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address"),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "This address does not take this method",
    ),
}


def refuse_http(error: HTTPException) -> Response:
    """Answer a refusal by Flask itself in our shape."""
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect or a complete answer
    status = HTTPStatus(error.code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _fault(error)
    code, message = _MESSAGES.get(status, (status.name.lower(), status.phrase))
    answer = json_answer(error_body(status, code, message), status=status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _fault(error: Exception) -> Response:
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return json_answer(error_body(status, "internal_error", "Internal Server Error"), status=status)
