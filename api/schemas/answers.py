"""What all documented answers share, and the error shape."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _absent_not_null(schema: dict[str, Any]) -> None:
    """Optional members are left out of our JSON, never null: say so in the document."""
    for member in schema.get("properties", {}).values():
        options = [option for option in member.pop("anyOf", []) if option != {"type": "null"}]
        member.pop("default", None)
        if len(options) > 1:
            member["anyOf"] = options
        elif options:
            member.update(options[0])


class Answer(BaseModel):
    """The shape of an answer, for the OpenAPI document; absent values are left out of the JSON."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, json_schema_extra=_absent_not_null
    )


class FieldError(Answer):
    """One thing wrong with one field."""

    field: str
    message: str


class Error(Answer):
    """Every refusal and every fault has this shape."""

    status_code: int = Field(examples=[400])
    code: str = Field(description="Stable.", examples=["validation_error"])
    message: str = Field(description="The first problem.", examples=["name is required"])
    errors: list[FieldError] | None = Field(None, description="All problems, in order.")
    request_id: str
