"""Paths: answers, also about where the units of a path are."""

from typing import Any, Self

from pydantic import Field

from api.schemas.answers import Answer, Timestamp
from shared.production.paths import PathView
from shared.production.progress import bottlenecks
from shared.production.steps import Step
from shared.states import AdvancementMode, DependencyType


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
