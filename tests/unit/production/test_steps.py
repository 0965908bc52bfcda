"""Changing the steps of a path: kept by id, new without, history protected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConflictError, InvalidInputError
from shared.production.steps import Step, StepDraft, planned, revised
from shared.states import DependencyType

MILL = Step(id="m", name="Mill", location="Hall 1", present=3)
DEBURR = Step(id="d", name="Deburr", optional=True, passed=2)
INSPECT = Step(id="i", name="Inspect", dependency_type=DependencyType.COMPLETION_GATE)
PACK = Step(id="p", name="Pack", scrapped=1)
CURRENT = (MILL, DEBURR, INSPECT, PACK)


def drafts(*ids: str) -> list[StepDraft]:
    return [StepDraft(id=i) for i in ids]


def test_steps_of_a_new_path_have_ids_of_their_own_and_the_contracts_defaults() -> None:
    first, second = planned([StepDraft(name="Mill"), StepDraft(name="Mill", location="")])
    assert first.id.startswith("step_")
    assert first.id != second.id
    assert (first.optional, first.dependency_type) == (False, DependencyType.PREFERRED)
    assert second.location is None


def test_a_kept_step_keeps_what_the_draft_leaves_out() -> None:
    assert revised(CURRENT, drafts("m", "d", "i", "p")) == CURRENT


def test_a_kept_step_takes_what_the_draft_says() -> None:
    draft = StepDraft(
        id="m",
        name="Turn",
        location="Hall 2",
        optional=True,
        dependency_type=DependencyType.PHYSICAL,
    )
    turned = revised((MILL,), [draft])[0]
    assert (turned.id, turned.name, turned.location) == ("m", "Turn", "Hall 2")
    assert (turned.optional, turned.dependency_type) == (True, DependencyType.PHYSICAL)
    assert turned.present == 3


def test_an_empty_location_takes_the_location_away() -> None:
    assert revised((MILL,), [StepDraft(id="m", location="")])[0].location is None


def test_optional_can_be_taken_back() -> None:
    assert revised((DEBURR,), [StepDraft(id="d", optional=False)])[0].optional is False


@pytest.mark.parametrize("without", ["m", "d", "p"])
def test_a_step_that_units_are_at_or_passed_or_ended_at_is_not_removed(without: str) -> None:
    names = {step.id: step.name for step in CURRENT}
    with pytest.raises(ConflictError) as refused:
        revised(CURRENT, drafts(*(step.id for step in CURRENT if step.id != without)))
    assert refused.value.message == (
        f'Cannot remove step "{names[without]}": units are at it or have passed it'
    )


def test_a_step_no_unit_has_seen_can_be_removed() -> None:
    assert [s.id for s in revised(CURRENT, drafts("m", "d", "p"))] == ["m", "d", "p"]


def test_steps_that_units_have_seen_keep_their_order() -> None:
    with pytest.raises(ConflictError) as refused:
        revised(CURRENT, drafts("d", "m", "i", "p"))
    assert refused.value.message == (
        'Cannot move step "Deburr" before "Mill": units are at them or have passed them'
    )


def test_unseen_and_new_steps_may_stand_anywhere() -> None:
    wanted = [*drafts("i"), StepDraft(name="Wash"), *drafts("m", "d"), StepDraft(name="X")]
    assert [s.name for s in revised(CURRENT[:3], wanted)] == [
        "Inspect",
        "Wash",
        "Mill",
        "Deburr",
        "X",
    ]


def test_foreign_and_repeated_ids_are_all_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        revised(CURRENT, drafts("m", "elsewhere", "m"))
    assert [(p.field, p.message) for p in refused.value.problems] == [
        ("steps[1].id", "steps[1].id is not a step of this path"),
        ("steps[2].id", "steps[2].id is given twice"),
    ]
    assert refused.value.message == "steps[1].id is not a step of this path"


@given(seen=st.lists(st.booleans(), min_size=1, max_size=6), data=st.data())
def test_whatever_is_accepted_keeps_every_seen_step_in_its_order(
    seen: list[bool], data: st.DataObject
) -> None:
    current = [Step(id=str(i), name="s", present=int(s)) for i, s in enumerate(seen)]
    order = data.draw(st.permutations([step.id for step in current]))
    kept = data.draw(st.integers(0, len(order)))
    try:
        result = revised(current, drafts(*order[:kept]))
    except ConflictError:
        assert [i for i in order[:kept] if seen[int(i)]] != [s.id for s in current if s.seen]
    else:
        assert [s.id for s in result if s.seen] == [s.id for s in current if s.seen]
