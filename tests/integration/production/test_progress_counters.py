"""Counts move with the units: they agree with a recount whatever is done, in whatever order."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from shared.database.engine import begin
from shared.errors import AppError, ConflictError
from shared.production import paths as path_store
from shared.production import queries as serial_queries
from shared.production import serials
from shared.production.paths import PathChanges, PathView
from shared.production.steps import StepDraft
from shared.states import AdvancementMode, DependencyType, ScrapReason, SerialStatus
from tests.support.data import routes

MODES = st.sampled_from(AdvancementMode)
STEPS = st.builds(
    StepDraft,
    name=st.sampled_from(["Mill", "Deburr", "Wash", "Inspect"]),
    optional=st.booleans(),
    dependency_type=st.sampled_from(DependencyType),
)


class Unit:
    """What the test expects of a unit."""

    def __init__(self, step_id: str) -> None:
        self.status = SerialStatus.IN_PROGRESS
        self.step_id: str | None = step_id
        self.trail = {step_id}


class ShopFloor(RuleBasedStateMachine):
    """One path whose units are created, moved and scrapped while its steps are changed."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[str, Unit] = {}
        self.view: PathView

    @initialize(mode=MODES, steps=st.lists(STEPS, min_size=1, max_size=4))
    def lay_out(self, mode: AdvancementMode, steps: list[StepDraft]) -> None:
        self.view = routes.path(self.engine, mode=mode, steps=tuple(steps))

    @rule(quantity=st.integers(1, 4))
    def create(self, quantity: int) -> None:
        first = self.view.route.steps[0]
        for serial in routes.units(self.engine, self.view, quantity):
            self.units[serial.id] = Unit(first.id)

    @precondition(lambda self: self.units)
    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        identifier = data.draw(st.sampled_from(sorted(self.units)))
        unit = self.units[identifier]
        with begin(self.engine) as session:
            try:
                serials.advance(session, identifier, actor="Ada")
            except ConflictError:
                assert unit.status is not SerialStatus.IN_PROGRESS
                return
        self.went_to(unit, self.index(unit) + 1)

    @precondition(lambda self: self.units)
    @rule(data=st.data())
    def advance_some(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(sorted(self.units)), min_size=1, unique=True))
        with begin(self.engine) as session:
            results = serials.advance_many(session, chosen, actor="Ada")
        for identifier, result in zip(chosen, results, strict=True):
            unit = self.units[identifier]
            assert isinstance(result, AppError) is (unit.status is not SerialStatus.IN_PROGRESS)
            if not isinstance(result, AppError):
                self.went_to(unit, self.index(unit) + 1)

    @precondition(lambda self: self.units)
    @rule(data=st.data())
    def advance_to(self, data: st.DataObject) -> None:
        identifier = data.draw(st.sampled_from(sorted(self.units)))
        target = data.draw(st.integers(0, len(self.view.route.steps)))
        unit = self.units[identifier]
        with begin(self.engine) as session:
            try:
                serials.advance_to(session, identifier, target_index=target, actor="Ada")
            except ConflictError:
                assert not self.may_go(unit, target)
                return
        assert self.may_go(unit, target)
        self.went_to(unit, target)

    @precondition(lambda self: self.units)
    @rule(data=st.data(), reason=st.sampled_from(ScrapReason))
    def scrap(self, data: st.DataObject, reason: ScrapReason) -> None:
        identifier = data.draw(st.sampled_from(sorted(self.units)))
        unit = self.units[identifier]
        with begin(self.engine) as session:
            try:
                serials.scrap(session, identifier, reason=reason, explanation=None, actor="Ada")
            except ConflictError:
                assert unit.status is not SerialStatus.IN_PROGRESS
                return
        unit.status = SerialStatus.SCRAPPED

    @rule(data=st.data(), mode=MODES, added=st.lists(STEPS, max_size=2))
    def change_steps(
        self, data: st.DataObject, mode: AdvancementMode, added: list[StepDraft]
    ) -> None:
        kept = data.draw(st.lists(st.sampled_from(self.step_ids()), unique=True))
        wanted = data.draw(st.permutations([*(StepDraft(id=i) for i in kept), *added]))
        if not wanted:
            return
        seen = set().union(*(unit.trail for unit in self.units.values()))
        before = [i for i in self.step_ids() if i in seen]
        after = [step.id for step in wanted if step.id in seen]
        changes = PathChanges(steps=tuple(wanted), advancement_mode=mode)
        with begin(self.engine) as session:
            try:
                path = path_store.lock_path(session, self.view.id)
                self.view = path_store.update(session, path, changes)
            except ConflictError:
                assert before != after
                session.rollback()
                return
        assert before == after

    def step_ids(self) -> list[str]:
        return [step.id for step in self.view.route.steps]

    def index(self, unit: Unit) -> int:
        return -1 if unit.step_id is None else self.step_ids().index(unit.step_id)

    def may_go(self, unit: Unit, target: int) -> bool:
        """The rules of spec/API.md, written a second time."""
        if unit.status is not SerialStatus.IN_PROGRESS or target <= self.index(unit):
            return False
        between = self.view.route.steps[self.index(unit) + 1 : target]
        return {
            AdvancementMode.STRICT: not between,
            AdvancementMode.FLEXIBLE: all(step.optional for step in between),
            AdvancementMode.PER_STEP: all(
                step.dependency_type not in ("physical", "completion_gate") for step in between
            ),
        }[self.view.route.mode]

    def went_to(self, unit: Unit, target: int) -> None:
        ids = self.step_ids()
        unit.trail |= set(ids[self.index(unit) : target + 1])
        unit.step_id = ids[target] if target < len(ids) else None
        if unit.step_id is None:
            unit.status = SerialStatus.COMPLETED

    @invariant()
    def counts_agree_with_a_recount(self) -> None:
        with begin(self.engine) as session:
            assert routes.miscounts(session) == []
            assert routes.broken_trails(session) == []

    @precondition(lambda self: self.units)
    @invariant()
    def every_unit_is_where_it_was_moved(self) -> None:
        wanted = serial_queries.SerialFilter(path_id=self.view.id)
        with begin(self.engine) as session:
            shown = serial_queries.page(session, wanted, limit=1000)
            path = path_store.get(session, self.view.id)
        assert {s.id: (s.status, s.step_index) for s in shown} == {
            identifier: (unit.status, self.index(unit)) for identifier, unit in self.units.items()
        }
        self.counts_tell_what_is_remembered(path)

    def counts_tell_what_is_remembered(self, path: PathView) -> None:
        all_units = self.units.values()
        assert path.total_count == len(self.units)
        assert path.completed_count == sum(u.status is SerialStatus.COMPLETED for u in all_units)
        for step in path.route.steps:
            here = [u for u in all_units if u.step_id == step.id]
            assert step.present == sum(u.status is SerialStatus.IN_PROGRESS for u in here)
            gone_past = [u for u in all_units if step.id in u.trail and u.step_id != step.id]
            assert step.passed == len(gone_past)


@pytest.mark.timeout(300)
def test_counts_and_a_recount_always_agree(engine: Engine) -> None:
    machine: Any = type("OnThisDatabase", (ShopFloor,), {"engine": engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
