"""Paths: requests, their fields in the order of the checks, and answers."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from api.schemas.answers import Answer, Timestamp
from api.schemas.fields import (
    EMPTY,
    REQUIRED,
    Body,
    Name,
    PathVariables,
    Quantity,
    RequiredName,
    Text,
    one_of,
    short,
    wrong,
)
from shared.production.paths import PathChanges, PathDraft, PathView
from shared.production.progress import bottlenecks
from shared.production.steps import MAX_STEPS, Step, StepDraft
from shared.states import AdvancementMode, DependencyType

Mode = Annotated[AdvancementMode, one_of(AdvancementMode)]
Dependency = Annotated[DependencyType, one_of(DependencyType)]

_MODES = (
    "`strict`: only the next step. `flexible`: steps marked optional may be skipped. "
    "`per_step`: a step may be skipped if its dependency is `preferred`."
)
_DEPENDENCIES = "Used by `per_step` paths: `physical` and `completion_gate` are never skipped."


def _some(empty: str) -> BeforeValidator:
    """At least one entry and no more than ``MAX_STEPS``."""

    def check(value: Any) -> Any:
        if value == []:
            raise wrong(empty)
        if isinstance(value, list) and len(value) > MAX_STEPS:
            raise wrong(f"must have at most {MAX_STEPS} entries")
        return value

    return BeforeValidator(check)


class StepCreate(Body):
    """A step of a new path."""

    name: RequiredName
    location: Text = Field(None, description="Where it is done.")
    optional: bool = Field(default=False, description="Used by `flexible` paths.")
    dependency_type: Dependency = Field(DependencyType.PREFERRED, description=_DEPENDENCIES)

    def draft(self) -> StepDraft:
        """The same for shared.production.steps."""
        return StepDraft(**dict(self))


class PathCreate(Body):
    """A path to create."""

    name: RequiredName
    goal_quantity: Quantity = Field(description="How many units to make on this path.")
    steps: Annotated[list[StepCreate], _some(REQUIRED)] = Field(
        description="In the order in which units pass them.", min_length=1, max_length=MAX_STEPS
    )
    advancement_mode: Mode = Field(AdvancementMode.STRICT, description=_MODES)
    job_id: RequiredName = Field(examples=["job_01h455vb4pex5vsknk084sn02q"])

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "jobId": "job_01h455vb4pex5vsknk084sn02q",
                    "name": "Main line",
                    "goalQuantity": 50,
                    "advancementMode": "flexible",
                    "steps": [
                        {"name": "Mill", "location": "Hall 1"},
                        {"name": "Deburr", "optional": True},
                        {"name": "Inspect", "dependencyType": "completion_gate"},
                    ],
                }
            ]
        },
    )

    def draft(self) -> PathDraft:
        """The same for shared.production.paths."""
        return PathDraft(
            name=self.name,
            goal_quantity=self.goal_quantity,
            steps=tuple(step.draft() for step in self.steps),
            advancement_mode=self.advancement_mode,
        )


class StepUpdate(Body):
    """A step to keep, named by its ``id``, or a new one; absent values of a kept one stay."""

    id: str | None = Field(None, description="Keeps this step of the path; without it, a new one.")
    name: Name | None = Field(None, description="Required of a new step.", validate_default=True)
    location: Annotated[str, BeforeValidator(short)] | None = Field(
        None, description="An empty text removes it.", max_length=255
    )
    optional: bool | None = None
    dependency_type: Dependency | None = Field(None, description=_DEPENDENCIES)

    @field_validator("name")
    @classmethod
    def _required_of_new_ones(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is None and info.data.get("id") is None:
            raise wrong(REQUIRED)
        return name

    def draft(self) -> StepDraft:
        """The same for shared.production.steps."""
        return StepDraft(**dict(self))


class PathUpdate(Body):
    """What to change in a path; what is left out stays."""

    name: Name | None = None
    goal_quantity: Quantity | None = None
    steps: Annotated[list[StepUpdate], _some(EMPTY)] | None = Field(
        None,
        description="All steps of the path from now on, in order. An entry with the `id` of a step "
        "keeps it, one without is new, a step not named is removed. A step that units are at or "
        "have passed is not removed, and such steps keep their order (409). Units that are past "
        "the place of a new step do not go back for it.",
        min_length=1,
        max_length=MAX_STEPS,
    )
    advancement_mode: Mode | None = Field(None, description=_MODES)

    def changes(self) -> PathChanges:
        """The same for shared.production.paths."""
        steps = None if self.steps is None else tuple(step.draft() for step in self.steps)
        return PathChanges(**{**dict(self), "steps": steps})


class PathOfAddress(PathVariables):
    """The path in the path of the URL."""

    id: str = Field(description="The path's id.", examples=["path_01h455vb4pex5vsknk084sn02q"])


class StepOut(Answer):
    """One step of a path."""

    id: str = Field(examples=["step_01h455vb4pex5vsknk084sn02q"])
    name: str
    order: int = Field(ge=0)
    location: str | None = None
    optional: bool
    dependency_type: DependencyType


class PathOut(Answer):
    """A path with its steps in order."""

    id: str = Field(examples=["path_01h455vb4pex5vsknk084sn02q"])
    job_id: str = Field(examples=["job_01h455vb4pex5vsknk084sn02q"])
    name: str
    goal_quantity: int
    advancement_mode: AdvancementMode
    steps: list[StepOut]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, path: PathView, **more: Any) -> Self:
        """A path; ``more`` are the members of a fuller answer."""
        steps = [StepOut.from_row(step, order=i) for i, step in enumerate(path.route.steps)]
        return cls.from_row(path, advancement_mode=path.route.mode, steps=steps, **more)


class StepDistribution(Answer):
    """How many units are at a step, and how many have passed it."""

    step_id: str
    step_name: str
    step_order: int = Field(ge=0)
    location: str | None = None
    part_count: int = Field(ge=0, description="Units at the step now.")
    completed_count: int = Field(
        ge=0, description="Units that have passed the step, including those that skipped it."
    )
    is_bottleneck: bool = Field(
        description="No step has more units waiting. True for each step of a tie, for none if no "
        "unit waits."
    )

    @classmethod
    def of(cls, step: Step, *, order: int, is_bottleneck: bool) -> Self:
        """A step of a path; ``order`` from 0."""
        return cls(
            step_id=step.id,
            step_name=step.name,
            step_order=order,
            location=step.location,
            part_count=step.present,
            completed_count=step.passed,
            is_bottleneck=is_bottleneck,
        )


class PathDetail(PathOut):
    """A path and where its units are."""

    distribution: list[StepDistribution]
    completed_count: int = Field(ge=0, description="Units completed; scrapped ones do not count.")

    @classmethod
    def of(cls, path: PathView, **more: Any) -> Self:
        """A path, where its units are, and how many are done."""
        narrow = bottlenecks(path.route.steps)
        distribution = [
            StepDistribution.of(step, order=order, is_bottleneck=step.id in narrow)
            for order, step in enumerate(path.route.steps)
        ]
        return super().of(path, distribution=distribution, **more)
