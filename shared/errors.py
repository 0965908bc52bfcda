"""Refusals with a stable code; what HTTP status they mean is known to api.http.errors alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field of a request."""

    field: str
    message: str


class AppError(Exception):
    """A refusal the caller is told about; ``code`` is stable, ``message`` is for people."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInputError(AppError):
    """The input breaks the contract; ``problems`` in the order the contract checks them."""

    code = "validation_error"

    def __init__(self, message: str, problems: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class NotFoundError(AppError):
    """Nothing has this identifier: ``Job not found: {id}``."""

    code = "not_found"

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"{kind} not found: {identifier}")


class ConflictError(AppError):
    """The resource's state forbids it."""

    code = "conflict"


class StaleError(AppError):
    """``If-Match`` names a version that is no longer current."""

    code = "precondition_failed"


class SettingsError(AppError):
    """The environment is not usable; the message names the setting and the remedy."""

    code = "bad_settings"


class DatabaseUnavailableError(AppError):
    """No database connection could be had before anything was written."""

    code = "database_unavailable"
