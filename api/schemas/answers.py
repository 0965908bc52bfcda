"""What all answers share: their JSON is described by the models and made from them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
)
from pydantic.alias_generators import to_camel

from shared.clock import iso_millis

Timestamp = Annotated[datetime, PlainSerializer(iso_millis, return_type=str)]
"""A moment as answers show it: UTC, with milliseconds and ``Z``."""


Examples = Mapping[str, JsonValue]
"""Whole bodies or answers by name, shown in the OpenAPI document."""


def absent_not_null(schema: dict[str, Any]) -> None:
    """What is optional is left out, never null: say so in the document."""
    for member in schema.get("properties", {}).values():
        options = [option for option in member.pop("anyOf", []) if option != {"type": "null"}]
        member.pop("default", None)
        if len(options) > 1:
            member["anyOf"] = options
        elif options:
            member.update(options[0])


class Answer(BaseModel):
    """An answer: camelCase in the JSON, where absent values are left out."""

    examples: ClassVar[Examples] = {}

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra=absent_not_null,
    )

    @classmethod
    def from_row(cls, row: object, **values: Any) -> Self:
        """The answer about a row: each field is the row's attribute of the same name.

        ``values`` are the fields that the row does not have, or has in another form.
        """
        for name in cls.__pydantic_fields__:
            if name not in values:
                values[name] = getattr(row, name)
        return cls(**values)


def _encodable(text: object) -> object:
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


Echo = Annotated[str, BeforeValidator(_encodable)]
"""Text that may quote the request: a lone surrogate in it becomes a question mark."""


class FieldError(Answer):
    """One thing wrong with one field."""

    field: Echo
    message: Echo


class Error(Answer):
    """Every refusal and every fault has this shape."""

    status_code: int = Field(examples=[400])
    code: str = Field(description="Stable.", examples=["validation_error"])
    message: Echo = Field(description="The first problem.", examples=["name is required"])
    errors: list[FieldError] | None = Field(None, description="All problems, in order.")
    request_id: str


_EXAMPLES = {
    400: ("validation_error", "name is required"),
    401: ("unauthorized", "The bearer token is not known, has expired or was revoked"),
    403: ("forbidden", "This needs the scope jobs:write, which your credential does not have"),
    404: ("not_found", "Job not found: job_01h455vb4pex5vsknk084sn02q"),
    409: ("conflict", "Job is already linked to PI-42"),
    412: (
        "precondition_failed",
        "If-Match does not hold: the resource has changed since it was read",
    ),
    413: ("payload_too_large", "Request body is larger than 1048576 bytes"),
    415: ("unsupported_media_type", "Content-Type must be application/json"),
    422: ("idempotency_key_reused", "Idempotency-Key was used before with another body"),
    429: ("rate_limited", "Too many requests"),
    500: ("internal_error", "Internal Server Error"),
    503: ("database_unavailable", "The database cannot be reached."),
}


def error_example(status: int) -> dict[str, JsonValue]:
    """What a refusal of this status may look like."""
    code, message = _EXAMPLES[status]
    return {
        "statusCode": status,
        "code": code,
        "message": message,
        "requestId": "8358b877e86b4704b528782fbcb4bd90",
    }
