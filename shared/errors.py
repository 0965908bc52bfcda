"""Errors for the caller, with a stable code; only api.http.errors knows their HTTP statuses."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field of a request."""

    field: str
    message: str


class AppError(Exception):
    """An error that the caller sees; ``code`` is stable, ``message`` is for people."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInputError(AppError):
    """The input is not valid; ``problems`` are in the order in which the contract lists checks."""

    code = "validation_error"

    def __init__(self, message: str, problems: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class ProjectNotAllowedError(InvalidInputError):
    """The ticket is in a project that may not fill jobs (JIRA_PROJECT)."""

    code = "project_not_allowed"


class Kind(StrEnum):
    """What can be looked for, as messages name it."""

    JOB = "Job"
    PATH = "Path"
    SERIAL = "SerialNumber"
    TASK = "SyncTask"
    TICKET = "Ticket"
    DELIVERY = "Delivery"
    BULK_ACTION = "BulkAction"
    TOKEN = "Token in use"  # noqa: S105  words of a message, no token
    OPERATOR = "Operator"


class NotFoundError(AppError):
    """No record has this identifier: ``Job not found: {id}``."""

    code = "not_found"

    def __init__(self, kind: Kind, identifier: str) -> None:
        super().__init__(f"{kind} not found: {identifier}")


class ConflictError(AppError):
    """The resource's state does not allow the action."""

    code = "conflict"


class StaleError(AppError):
    """``If-Match`` has a version that is not the current one."""

    code = "precondition_failed"


class SettingsError(AppError):
    """A setting is not usable; the message names it and says what to do."""

    code = "bad_settings"


class DatabaseUnavailableError(AppError):
    """There was no database connection; nothing has been written."""

    code = "database_unavailable"
