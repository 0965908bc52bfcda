"""Fields of bodies and queries: their checks, and the messages of spec/create-job.txt, once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from api.schemas.answers import Examples, absent_not_null
from api.schemas.cursors import decode_cursor
from shared.errors import (
    FieldProblem,
    InvalidInputError,
    NotFoundError,
    ProjectNotAllowedError,
)
from shared.ids import Prefix, looks_like
from shared.models import MAX_QUANTITY, MAX_TEXT
from shared.settings.issue_keys import CLOUD_PATTERN, KeyRules, is_safe_key, normal_key
from shared.settings.patterns import compiled

REQUIRED = "is required"
EMPTY = "cannot be empty"
NOT_A_STRING = "must be a string"
TOO_LONG = f"must be at most {MAX_TEXT} characters"
NOT_A_NUMBER = "must be a number"
NOT_POSITIVE = "must be greater than 0"
NOT_WHOLE = "must be an integer"
TOO_LARGE = f"must be at most {MAX_QUANTITY}"
NOT_A_KEY = "must look like PI-42"
NOT_STRINGS = "must be an array of strings"
NOT_A_MOMENT = "must be an ISO 8601 timestamp such as 2024-01-15T10:30:00.000Z"

# White space of Python and of JavaScript together: what either of them trims, we trim, so that a
# pattern of the document means the same in both.
_BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace()) + "\ufeff"
_BLANK = r"\s\x1c-\x1f\x85\ufeff"
CLOUD_KEY_PATTERN = rf"^[{_BLANK}]*[A-Za-z][A-Za-z0-9_]{{1,254}}-[1-9][0-9]*[{_BLANK}]*$"
"""For the document: Cloud's pattern in any case."""
ANY_KEY_PATTERN = rf"^[{_BLANK}]*[^{_BLANK}\x00-\x20\"'/\\]+-[1-9][0-9]*[{_BLANK}]*$"
"""For the document of other sites, whose own pattern is RE2's."""
NAME_PATTERN = rf"^[^\x00]*[^\x00{_BLANK}][^\x00]*$"


def wrong(words: str) -> PydanticCustomError:
    """A problem of a field; the message is the field's name and ``words``."""
    return PydanticCustomError("contract", "{words}", {"words": words})


class Body(BaseModel):
    """A request body: camelCase outside, unknown members ignored, ``null`` the same as absent.

    ``entries`` names the member whose entries are validated one by one, if there is one.
    ``body_required`` is False if the whole body may be left out.
    """

    entries: ClassVar[str | None] = None
    body_required: ClassVar[bool] = True
    examples: ClassVar[Examples] = {}

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, strict=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, content: Any) -> Any:
        if isinstance(content, dict):
            return {key: value for key, value in content.items() if value is not None}
        return content


def _as_parameters(schema: dict[str, Any]) -> None:
    """Parameters are left out, never null; one example of each is what the library can show."""
    absent_not_null(schema)
    for parameter in schema.get("properties", {}).values():
        if shown := parameter.pop("examples", None):
            parameter["example"] = shown[0]


class Query(BaseModel):
    """A query string. An unknown parameter is refused, so that no filter is silently ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra=_as_parameters,
    )


class Headers(BaseModel):
    """Request headers that an operation uses; each field's alias is the header's name."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_as_parameters)


class PathVariables(BaseModel):
    """The variables in the path of a URL: texts that are not checked."""

    model_config = ConfigDict(json_schema_extra=_as_parameters)


NOT_A_CURSOR = "must be one that this list gave"

_OURS = {
    "missing": REQUIRED,
    "string_type": NOT_A_STRING,
    "list_type": "must be an array",
    "tuple_type": "must be an array",
    "too_long": "must hold at most {max_length} entries",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "int_type": NOT_WHOLE,
    "int_parsing": NOT_WHOLE,
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}


def problems_of(error: ValidationError) -> tuple[FieldProblem, ...]:
    """What pydantic found, in the order of the model's fields, in the contract's words."""
    return tuple(_problem(found) for found in error.errors(include_url=False))


def invalid(error: ValidationError) -> InvalidInputError:
    """The refusal for what pydantic found; code and message are the first problem's."""
    problems = problems_of(error)
    first = error.errors(include_url=False)[0]["type"]
    kind = ProjectNotAllowedError if first == _OUTSIDE else InvalidInputError
    return kind(problems[0].message, problems)


def _problem(found: Any) -> FieldProblem:
    place = ""
    for part in found["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    place = place.lstrip(".")
    if found["type"] == "extra_forbidden":
        return FieldProblem(place, f"{place} is not a known parameter")
    if found["type"] == _OUTSIDE:
        return FieldProblem(place, found["msg"])
    words = _OURS[found["type"]].format(**found.get("ctx", {})) if found["type"] in _OURS else None
    return FieldProblem(place, f"{place} {words or found['msg']}")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(NOT_A_STRING)
    return value


def short(value: Any) -> str:
    """A text of at most 255 characters."""
    if len(_string(value)) > MAX_TEXT:
        raise wrong(TOO_LONG)
    return str(value)


def named(empty: str) -> Callable[[Any], str]:
    """A check for texts that must not be empty; surrounding white space is trimmed."""

    def check(value: Any) -> str:
        text = _string(value).strip(_BLANKS)
        if not text:
            raise wrong(empty)
        return short(text)

    return check


def _optional_text(value: Any) -> str | None:
    return short(value) or None


def quantity(value: Any) -> int:
    """First a number, then above zero, then whole, then within range (spec/API.md)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(NOT_A_NUMBER)
    if value <= 0:
        raise wrong(NOT_POSITIVE)
    if value != int(value):
        raise wrong(NOT_WHOLE)
    if value > MAX_QUANTITY:
        raise wrong(TOO_LARGE)
    return int(value)


_DEFAULT_RULES = KeyRules(compiled(CLOUD_PATTERN))
_OUTSIDE = ProjectNotAllowedError.code


def _rules(info: ValidationInfo) -> KeyRules:
    """The rules that ``checked`` passes as the context; without one, Cloud's."""
    return info.context if isinstance(info.context, KeyRules) else _DEFAULT_RULES


def issue_key(value: Any, *, rules: KeyRules) -> str:
    """A Jira issue key of this site, trimmed and upper-cased (JIRA.md, section 8)."""
    key = normal_key(short(_string(value).strip(_BLANKS)))
    if not rules.fits(key):
        raise wrong(NOT_A_KEY)
    return key


def site_key(value: Any) -> str:
    """A key as Jira itself sent it, trimmed and upper-cased, whatever the site's pattern."""
    key = normal_key(_string(value).strip(_BLANKS))
    if not is_safe_key(key):
        raise wrong(NOT_A_KEY)
    return key


def _key_of_any_project(value: Any, info: ValidationInfo) -> str:
    return issue_key(value, rules=_rules(info))


def _key_of_ours(value: Any, info: ValidationInfo) -> str:
    """The message names the field as in a create, also in a link (spec/API.md, codes)."""
    rules = _rules(info)
    key = issue_key(value, rules=rules)
    if not rules.allows(key):
        words = f"jiraTicketKey must be in one of the projects {', '.join(rules.projects)}"
        raise PydanticCustomError(_OUTSIDE, "{words}", {"words": words})
    return key


def labels(value: Any) -> list[str]:
    """Strings in the order given, without repeats."""
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise wrong(NOT_STRINGS)
    return list(dict.fromkeys(value))


def truth(value: Any) -> bool:
    """``true`` or ``false`` in a query string."""
    if value not in ("true", "false"):
        raise wrong("must be true or false")
    return bool(value == "true")


def whole(*, least: int, most: int) -> Any:
    """A whole number of a query string: ``limit: Annotated[int, whole(least=1, most=1000)]``."""

    def check(value: Any) -> int:
        found = re.fullmatch(r"([0-9]{1,9})(\.0+)?", str(value), re.ASCII)
        if not found or not least <= int(found[1]) <= most:
            raise wrong(f"must be a whole number from {least} to {most}")
        return int(found[1])

    return BeforeValidator(check, json_schema_input_type=Annotated[int, Field(ge=least, le=most)])


MAX_LIMIT = 1000
"""Largest page of a list."""
Limit = Annotated[int, whole(least=1, most=MAX_LIMIT)]


def moment(value: Any) -> datetime:
    """An instant, in UTC; without an offset it is UTC already."""
    try:
        found = datetime.fromisoformat(_string(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: its UTC is outside the years 1 to 9999
        raise wrong(NOT_A_MOMENT) from None


def one_of(kind: type[StrEnum]) -> Any:
    """A value of a closed vocabulary: ``status: Annotated[Status, one_of(Status)]``."""
    words = [str(member) for member in kind]

    def check(value: Any) -> StrEnum:
        if value not in words:
            raise wrong(f"must be one of {', '.join(words)}")
        return kind(value)

    return BeforeValidator(check, json_schema_input_type=kind)


def cursor_of(place: Callable[[str], object]) -> Any:
    """The place in a list behind a cursor.

    ``place`` makes it from the cursor's text, and raises ValueError or NotFoundError for a text
    that no cursor of this list has.
    """

    def check(value: Any) -> object:
        try:
            return place(decode_cursor(_string(value)))
        except (ValueError, NotFoundError):
            raise wrong(NOT_A_CURSOR) from None

    return BeforeValidator(check, json_schema_input_type=str)


def identifier(prefix: Prefix) -> Callable[[str], str]:
    """For ``cursor_of``: the place in a list that is sorted by identifiers of this kind."""

    def check(text: str) -> str:
        if not looks_like(prefix, text):
            raise ValueError("not an identifier of this kind")
        return text

    return check


NEXT_PAGE: Any = Field(None, description="From the `Link` of the page before.")


_TEXT = {"type": "string", "maxLength": MAX_TEXT, "pattern": r"^[^\x00]*$"}
_OPTIONAL_TEXT = {"anyOf": [_TEXT, {"type": "null"}]}
_NAME = {**_TEXT, "minLength": 1, "pattern": NAME_PATTERN}
_QUANTITY = {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}
_KEY = {**_TEXT, "pattern": CLOUD_KEY_PATTERN}

RequiredName = Annotated[str, BeforeValidator(named(REQUIRED)), WithJsonSchema(_NAME)]
"""A name that may not be left out or empty: both are ``is required``."""
Name = Annotated[str, BeforeValidator(named(EMPTY)), WithJsonSchema(_NAME)]
"""A name that, where given, ``cannot be empty``."""
Quantity = Annotated[int, BeforeValidator(quantity), WithJsonSchema(_QUANTITY)]
IssueKey = Annotated[str, BeforeValidator(_key_of_any_project), WithJsonSchema(_KEY)]
"""The key of a ticket, to look for."""
SiteKey = Annotated[str, BeforeValidator(site_key), WithJsonSchema(_KEY)]
"""The same of a ticket that Jira named."""
FillingKey = Annotated[str, BeforeValidator(_key_of_ours), WithJsonSchema(_KEY)]
"""The key of a ticket that is to fill a job: in a project of JIRA_PROJECT."""
Text = Annotated[str | None, BeforeValidator(_optional_text), WithJsonSchema(_OPTIONAL_TEXT)]
"""An optional text; the empty string counts as absent."""
Words = Annotated[str | None, BeforeValidator(_optional_text), WithJsonSchema(_TEXT)]
"""A text to search for; an empty one is no condition."""
Labels = Annotated[
    list[Annotated[str, BeforeValidator(short)]],
    BeforeValidator(labels),
    WithJsonSchema({"type": "array", "items": _TEXT}),
]
Flag = Annotated[bool, BeforeValidator(truth), WithJsonSchema({"type": "boolean"})]
"""``true`` or ``false`` in a query string."""
Moment = Annotated[
    datetime,
    BeforeValidator(moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
