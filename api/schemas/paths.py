"""Paths: what a client gets."""

from pydantic import Field

from api.schemas.answers import Answer
from shared.states import AdvancementMode, DependencyType


class StepOut(Answer):
    """One stop of a path."""

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
    created_at: str
    updated_at: str
