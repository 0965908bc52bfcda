"""Serial numbers: requests, their fields in the order of the checks, and answers."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from api.schemas.answers import Answer, Error, Timestamp
from api.schemas.fields import (
    NEXT_PAGE,
    NOT_A_NUMBER,
    NOT_STRINGS,
    NOT_WHOLE,
    REQUIRED,
    Body,
    Limit,
    PathVariables,
    Query,
    RequiredName,
    Text,
    Words,
    cursor_of,
    one_of,
    quantity,
    wrong,
)
from shared.production.queries import EventView, SerialFilter, SerialView, number_of
from shared.production.serials import MAX_BATCH, MAX_MOVES
from shared.production.steps import Step
from shared.states import ScrapReason, SerialAction, SerialStatus

_SERIAL = "SN-00042"


def _batch(value: Any) -> int:
    number = quantity(value)
    if number > MAX_BATCH:
        raise wrong(f"must be at most {MAX_BATCH}")
    return number


BatchSize = Annotated[
    int,
    BeforeValidator(_batch),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_BATCH}),
]


class SerialsCreate(Body):
    """Units to create, numbered consecutively."""

    job_id: RequiredName = Field(examples=["job_01h455vb4pex5vsknk084sn02q"])
    path_id: RequiredName = Field(examples=["path_01h455vb4pex5vsknk084sn02q"])
    quantity: BatchSize = Field(description="How many.", examples=[10])
    user_id: Text = Field(None, description="Who does it; by default the name of the credential.")


class Advance(Body):
    """Who moves the unit. The whole body may be left out."""

    user_id: Text = Field(None, description="Who does it; by default the name of the credential.")

    body_required = False


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(NOT_A_NUMBER)
    if value != int(value):
        raise wrong(NOT_WHOLE)
    return int(value)


class AdvanceTo(Body):
    """Where to move the unit."""

    target_step_index: Annotated[
        int, BeforeValidator(_index), WithJsonSchema({"type": "integer", "minimum": 0})
    ] = Field(description="Index of a step ahead; the number of steps completes the unit.")
    user_id: Text = Field(None, description="Who does it; by default the name of the credential.")


def _different(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise wrong(NOT_STRINGS)
    if not value:
        raise wrong(REQUIRED)
    if len(value) > MAX_MOVES:
        raise wrong(f"must have at most {MAX_MOVES} entries")
    if len(set(value)) < len(value):
        raise wrong("must not repeat an id")
    return value


class AdvanceMany(Body):
    """Units to move one step each."""

    ids: Annotated[list[str], BeforeValidator(_different)] = Field(
        description="Without repeats; each has its own result.",
        min_length=1,
        max_length=MAX_MOVES,
        examples=[[_SERIAL, "SN-00043"]],
        json_schema_extra={"uniqueItems": True},
    )
    user_id: Text = Field(None, description="Who does it; by default the name of the credential.")


class Scrap(Body):
    """Why a unit is scrapped."""

    reason: Annotated[ScrapReason, one_of(ScrapReason)]
    explanation: Text | None = Field(
        None, description="Required where the reason is `other`.", validate_default=True
    )
    user_id: Text = Field(None, description="Who does it; by default the name of the credential.")

    @field_validator("explanation")
    @classmethod
    def _explained(cls, text: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("reason") is ScrapReason.OTHER and not (text or "").strip():
            raise wrong(REQUIRED)
        return text


class SerialQuery(Query):
    """Which units, and how many."""

    job_id: Words = Field(None, description="Of this job.")
    path_id: Words = Field(None, description="Of this path.")
    status: Annotated[SerialStatus, one_of(SerialStatus)] | None = Field(
        None, description="With this status."
    )
    step_id: Words = Field(
        None, description="At this step; scrapped ones are at the step they were scrapped at."
    )
    limit: Limit | None = Field(None, description="Page size; without it, all of them, streamed.")
    cursor: Annotated[int, cursor_of(number_of)] | None = NEXT_PAGE

    def filters(self) -> SerialFilter:
        """The same for shared.production.queries."""
        return SerialFilter(
            job_id=self.job_id, path_id=self.path_id, step_id=self.step_id, status=self.status
        )


class SerialOut(Answer):
    """A unit."""

    id: str = Field(examples=[_SERIAL])
    job_id: str
    path_id: str
    current_step_index: int = Field(
        ge=-1, description="-1 once completed; a scrapped unit stays where it was scrapped."
    )
    status: SerialStatus
    created_at: Timestamp
    updated_at: Timestamp
    scrap_reason: ScrapReason | None = None
    scrap_explanation: str | None = None
    scrap_step_id: str | None = None
    scrapped_at: Timestamp | None = None
    scrapped_by: str | None = None

    @classmethod
    def of(cls, serial: SerialView) -> Self:
        """A unit; if it was scrapped: why, where, when and by whom."""
        scrapped = serial.status is SerialStatus.SCRAPPED
        return cls.from_row(
            serial,
            current_step_index=serial.step_index,
            scrap_step_id=serial.step_id if scrapped else None,
        )


class Bypassed(Answer):
    """A step that a unit skipped."""

    step_id: str
    step_name: str
    classification: Literal["skipped"]

    @classmethod
    def of(cls, step: Step) -> Self:
        """A skipped step. The contract has no way to defer one."""
        return cls(step_id=step.id, step_name=step.name, classification="skipped")


class Advanced(Answer):
    """The unit where it is now, and the steps it skipped."""

    serial: SerialOut
    bypassed: list[Bypassed]


class AdvanceResult(Answer):
    """The result of one unit: where it is now, or why it did not move."""

    status: int = Field(examples=[200])
    serial: SerialOut | None = None
    error: Error | None = None


class AdvanceResults(Answer):
    """The results, in the order of the ids."""

    results: list[AdvanceResult]
    advanced: int = Field(ge=0)
    failed: int = Field(ge=0)


class Event(Answer):
    """One thing done to a unit. Step indexes are those of that time."""

    at: Timestamp
    action: SerialAction
    user_id: str
    from_step_id: str | None = None
    from_step_name: str | None = None
    from_step_index: int | None = None
    to_step_id: str | None = None
    to_step_name: str | None = None
    to_step_index: int | None = Field(None, description="-1: completed.")
    bypassed_step_ids: list[str] | None = Field(None, description="Steps it skipped.")
    reason: ScrapReason | None = None
    explanation: str | None = None

    @classmethod
    def of(cls, event: EventView) -> Self:
        """One line of a unit's history."""
        return cls.from_row(
            event,
            from_step_index=event.from_index,
            to_step_index=event.to_index,
            bypassed_step_ids=event.bypassed_step_ids or None,
        )


class SerialOfAddress(PathVariables):
    """The unit in the path of the URL."""

    id: str = Field(description="The serial number.", examples=[_SERIAL])
