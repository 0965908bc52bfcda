"""JSON objects that the control API reads; unknown members and wrong types are refused."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel


class InvalidControlError(ValueError):
    """An invalid request of the control API; the message names what is wrong."""


class Members(BaseModel):
    """A JSON object whose members have camel-cased names, as in Jira's own API."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True
    )

    @classmethod
    def of(cls, members: Any) -> Self:
        """Check and read parsed JSON; raises ``InvalidControlError``."""
        try:
            return cls.model_validate(members)
        except ValidationError as error:
            found = error.errors(include_url=False)
            texts = (f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in found)
            raise InvalidControlError("; ".join(texts)) from error
