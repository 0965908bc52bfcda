"""Where a unit may move, in each of the three modes."""

import pytest

from shared.errors import ConflictError, InvalidInputError
from shared.production.advancement import Route, move_to, next_move
from shared.production.steps import Step
from shared.states import AdvancementMode, DependencyType

STRICT, FLEXIBLE, PER_STEP = AdvancementMode
PHYSICAL, PREFERRED, GATE = DependencyType


def route(mode: AdvancementMode, *between: tuple[bool, DependencyType]) -> Route:
    """A first and a last step, and these between: (optional, dependency)."""
    middle = [
        Step(id=str(i), name=f"Step {i}", optional=optional, dependency_type=dependency)
        for i, (optional, dependency) in enumerate(between, start=1)
    ]
    return Route(mode, [Step(id="0", name="First"), *middle, Step(id="9", name="Last")])


@pytest.mark.parametrize("mode", AdvancementMode)
def test_the_next_step_is_open_in_every_mode(mode: AdvancementMode) -> None:
    there = route(mode, (False, PHYSICAL))
    move = next_move(there, 0)
    assert (move.to_index, move.target_id, list(move.bypassed)) == (1, "1", [])
    assert move_to(there, 0, target_index=1) == move


def test_past_the_last_step_a_unit_is_completed() -> None:
    move = next_move(route(STRICT), 1)
    assert move.completes
    assert move.target is None
    assert move.target_id is None


@pytest.mark.parametrize(
    ("mode", "optional", "dependency", "reason"),
    [
        (STRICT, True, PREFERRED, "the path is strict"),
        (STRICT, False, PHYSICAL, "the path is strict"),
        (FLEXIBLE, True, PREFERRED, None),
        (FLEXIBLE, True, PHYSICAL, None),
        (FLEXIBLE, True, GATE, None),
        (FLEXIBLE, False, PREFERRED, "it is not optional"),
        (FLEXIBLE, False, GATE, "it is not optional"),
        (PER_STEP, True, PREFERRED, None),
        (PER_STEP, False, PREFERRED, None),
        (PER_STEP, True, PHYSICAL, "its dependency is physical"),
        (PER_STEP, False, PHYSICAL, "its dependency is physical"),
        (PER_STEP, True, GATE, "its dependency is completion_gate"),
        (PER_STEP, False, GATE, "its dependency is completion_gate"),
    ],
)
def test_what_may_be_skipped(
    *, mode: AdvancementMode, optional: bool, dependency: DependencyType, reason: str | None
) -> None:
    there = route(mode, (optional, dependency))
    if reason is None:
        assert [step.id for step in move_to(there, 0, target_index=2).bypassed] == ["1"]
        return
    with pytest.raises(ConflictError) as refused:
        move_to(there, 0, target_index=2)
    assert refused.value.message == f'Cannot skip step "Step 1": {reason}'


def test_every_step_between_is_bypassed_and_the_number_of_steps_completes() -> None:
    there = route(PER_STEP, (True, PREFERRED), (False, PREFERRED))
    move = move_to(there, 0, target_index=4)
    assert [step.id for step in move.bypassed] == ["1", "2", "9"]
    assert move.completes


def test_one_step_that_may_not_be_skipped_holds_all() -> None:
    there = route(FLEXIBLE, (True, PREFERRED), (False, PREFERRED), (True, PREFERRED))
    with pytest.raises(ConflictError, match='Cannot skip step "Step 2": it is not optional'):
        move_to(there, 0, target_index=4)


@pytest.mark.parametrize("target", [0, 1])
def test_a_unit_goes_forward_only(target: int) -> None:
    with pytest.raises(ConflictError) as refused:
        move_to(route(FLEXIBLE, (True, PREFERRED)), 1, target_index=target)
    assert refused.value.message == f"Cannot advance to step {target}: the serial is at step 1"


@pytest.mark.parametrize("target", [-1, 4, 10**30])
def test_a_step_the_path_does_not_have_is_bad_input(target: int) -> None:
    with pytest.raises(InvalidInputError) as refused:
        move_to(route(FLEXIBLE, (True, PREFERRED)), 0, target_index=target)
    assert refused.value.message == "targetStepIndex must be between 0 and 3"
    assert refused.value.problems[0].field == "targetStepIndex"
