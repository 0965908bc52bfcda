"""The steps of a path as values: what a step is, and how a path's steps may be changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.errors import ConflictError, FieldProblem, InvalidInputError
from shared.ids import Prefix, new_id
from shared.states import DependencyType

MAX_STEPS = 1000
"""Most steps of a path: our own limit, far above what routes have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a path, with counts of units: at it now, gone past it, scrapped at it."""

    id: str
    name: str
    location: str | None = None
    optional: bool = False
    dependency_type: DependencyType = DependencyType.PREFERRED
    present: int = 0
    passed: int = 0
    scrapped: int = 0

    @property
    def seen(self) -> bool:
        """Whether this step occurs in the history of any unit."""
        return self.present + self.passed + self.scrapped > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDraft:
    """A step that a client wants. None is absent; with an ``id`` an absent value stays as it was.

    A draft without ``id`` makes a new step and needs a name. An empty ``location`` removes it.
    """

    id: str | None = None
    name: str | None = None
    location: str | None = None
    optional: bool | None = None
    dependency_type: DependencyType | None = None


def planned(drafts: Sequence[StepDraft]) -> tuple[Step, ...]:
    """The steps of a new path, each with a new id."""
    return tuple(_new(draft) for draft in drafts)


def revised(current: Sequence[Step], drafts: Sequence[StepDraft]) -> tuple[Step, ...]:
    """The steps after an update: kept ones are matched by id, the others are new.

    History is protected (spec/API.md, ``PUT /api/paths/{id}``): a step that units are at or have
    passed is not removed, and such steps keep their order among themselves, so that no unit
    passes a step twice. Other steps may be put anywhere; units that are past that place do not
    go back for them. Raises InvalidInputError if an id is not of this path or is repeated,
    ConflictError if history forbids the change.
    """
    by_id = {step.id: step for step in current}
    _refuse_bad_ids(by_id, drafts)
    steps = tuple(
        _new(draft) if draft.id is None else _kept(by_id[draft.id], draft) for draft in drafts
    )
    _protect_history(current, steps)
    return steps


def _new(draft: StepDraft) -> Step:
    if draft.name is None:
        raise InvalidInputError("name of a new step is required")
    return _kept(Step(id=new_id(Prefix.STEP), name=draft.name), draft)


def _kept(step: Step, draft: StepDraft) -> Step:
    return replace(
        step,
        name=step.name if draft.name is None else draft.name,
        location=step.location if draft.location is None else draft.location or None,
        optional=step.optional if draft.optional is None else draft.optional,
        dependency_type=draft.dependency_type or step.dependency_type,
    )


def _refuse_bad_ids(by_id: dict[str, Step], drafts: Sequence[StepDraft]) -> None:
    problems = []
    seen: set[str] = set()
    for index, draft in enumerate(drafts):
        if draft.id is None:
            continue
        field = f"steps[{index}].id"
        if draft.id not in by_id:
            problems.append(FieldProblem(field, f"{field} is not a step of this path"))
        elif draft.id in seen:
            problems.append(FieldProblem(field, f"{field} is given twice"))
        seen.add(draft.id)
    if problems:
        raise InvalidInputError(problems[0].message, tuple(problems))


def _protect_history(current: Sequence[Step], revised: Sequence[Step]) -> None:
    remaining = {step.id for step in revised}
    before = [step for step in current if step.seen]
    for step in before:
        if step.id not in remaining:
            raise ConflictError(
                f'Cannot remove step "{step.name}": units are at it or have passed it'
            )
    after = [step for step in revised if step.seen]
    for was, would_be in zip(before, after, strict=True):
        if was.id != would_be.id:
            raise ConflictError(
                f'Cannot move step "{would_be.name}" before "{was.name}": '
                "units are at them or have passed them"
            )
