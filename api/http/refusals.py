"""Refusals that only HTTP knows; what status each means is said in api.http.errors."""

from shared.errors import AppError


class MalformedBodyError(AppError):
    """The body is not JSON as RFC 8259 and spec/API.md want it."""

    code = "invalid_json"


class UnsupportedMediaError(AppError):
    """The body is of a type, or in an encoding, that we do not read."""

    code = "unsupported_media_type"


class BodyTooLargeError(AppError):
    """The body is over the limit of its endpoint."""

    code = "payload_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Request body is larger than {limit} bytes")


class UnauthenticatedError(AppError):
    """No valid credential was sent."""

    code = "unauthorized"


class ForbiddenError(AppError):
    """The credential lacks the scope."""

    code = "forbidden"


class RateLimitedError(AppError):
    """Too many requests; ``retry_after`` in whole seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotReadyError(AppError):
    """This process cannot serve just now (/readyz)."""

    code = "not_ready"
