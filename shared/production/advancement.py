"""Where a unit may go next: the three advancement modes as pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import ConflictError, FieldProblem, InvalidInputError
from shared.production.steps import Step
from shared.states import AdvancementMode, DependencyType


@dataclass(frozen=True, slots=True)
class Route:
    """The steps of a path in order, and which of them units may skip."""

    mode: AdvancementMode
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Move:
    """A step forward along a route; ``to_index`` equal to the number of steps completes."""

    route: Route
    from_index: int
    to_index: int

    @property
    def origin(self) -> Step:
        """The step the unit leaves."""
        return self.route.steps[self.from_index]

    @property
    def target(self) -> Step | None:
        """The step the unit arrives at; None if it is completed."""
        return None if self.completes else self.route.steps[self.to_index]

    @property
    def target_id(self) -> str | None:
        """The id of that step, or None."""
        return None if self.target is None else self.target.id

    @property
    def bypassed(self) -> Sequence[Step]:
        """The steps between, which the unit skips."""
        return self.route.steps[self.from_index + 1 : self.to_index]

    @property
    def completes(self) -> bool:
        """Whether the move completes the unit."""
        return self.to_index == len(self.route.steps)


def next_move(route: Route, from_index: int) -> Move:
    """The move to the next step, which every mode allows."""
    return Move(route, from_index, from_index + 1)


def move_to(route: Route, from_index: int, *, target_index: int) -> Move:
    """The move to ``target_index``, if the path's mode allows every step between to be skipped.

    Raises InvalidInputError if the path has no such step, ConflictError if the target is not
    ahead or a step between may not be skipped.
    """
    last = len(route.steps)
    if not 0 <= target_index <= last:
        message = f"targetStepIndex must be between 0 and {last}"
        raise InvalidInputError(message, (FieldProblem("targetStepIndex", message),))
    if target_index <= from_index:
        raise ConflictError(
            f"Cannot advance to step {target_index}: the serial is at step {from_index}"
        )
    move = Move(route, from_index, target_index)
    for step in move.bypassed:
        if reason := _why_not_skipped(route.mode, step):
            raise ConflictError(f'Cannot skip step "{step.name}": {reason}')
    return move


def _why_not_skipped(mode: AdvancementMode, step: Step) -> str | None:
    """Why a unit may not skip this step, or None (spec/API.md, ``advancementMode``)."""
    if mode is AdvancementMode.STRICT:
        return "the path is strict"
    if mode is AdvancementMode.FLEXIBLE:
        return None if step.optional else "it is not optional"
    if step.dependency_type is DependencyType.PREFERRED:
        return None
    return f"its dependency is {step.dependency_type.value}"
