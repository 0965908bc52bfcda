"""Refusals that exist only in HTTP; api.http.errors maps them to statuses."""

from shared.errors import AppError


class MalformedBodyError(AppError):
    """The body is not JSON as RFC 8259 and spec/API.md define it."""

    code = "invalid_json"


class UnsupportedMediaError(AppError):
    """The body has a media type or an encoding that we do not read."""

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
    """The credential does not have the scope."""

    code = "forbidden"


class RateLimitedError(AppError):
    """Too many requests; ``retry_after`` in whole seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotReadyError(AppError):
    """This process cannot serve at the moment."""

    code = "not_ready"
