"""Validates parameters of a query string or a form, for the REST API and for pages."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from api.runtime import current_runtime
from api.schemas.fields import invalid
from shared.errors import FieldProblem, InvalidInputError
from shared.settings.issue_keys import key_rules

M = TypeVar("M", bound=BaseModel)


def single_values(sent: MultiDict[str, str]) -> dict[str, str]:
    """The value of each parameter. Raises InvalidInputError for a repeated one and for NUL."""
    values: dict[str, str] = {}
    for name, [value, *more] in sent.lists():
        if more:
            raise _refused(name, f"{name} must be given once")
        if "\0" in value or "\0" in name:
            raise _refused(name, "A parameter must not contain NUL characters")
        values[name] = value
    return values


def checked(model: type[M], content: object) -> M:
    """The content as this model. Raises InvalidInputError with every problem the model found."""
    try:
        return model.model_validate(content, context=key_rules(current_runtime().settings))
    except ValidationError as error:
        raise invalid(error) from None


def _refused(name: str, message: str) -> InvalidInputError:
    return InvalidInputError(message, (FieldProblem(name, message),))
