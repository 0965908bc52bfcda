"""Two at once on the same units, paths and numbers: what happens then is defined."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared.database.engine import begin, in_transaction
from shared.errors import AppError, ConflictError, NotFoundError
from shared.fill.snapshots import lock_jobs
from shared.production import paths as path_store
from shared.production import queries as serial_queries
from shared.production import serials
from shared.production.paths import PathChanges, PathView
from shared.production.queries import SerialFilter, SerialView
from shared.production.steps import StepDraft
from shared.states import AdvancementMode, ScrapReason, SerialStatus
from tests.support.data import routes
from tests.support.races import queued


def holding(path: PathView) -> partial[PathView]:
    """Hold the path's lock."""
    return partial(path_store.lock_path, path_id=path.id)


def advancing(serial: SerialView) -> partial[SerialView]:
    return partial(serials.advance, identifier=serial.id, actor="Ada")


def creating(path: PathView, quantity: int) -> partial[list[SerialView]]:
    return partial(
        serials.create, job_id=path.job_id, path_id=path.id, quantity=quantity, actor="Ada"
    )


def replacing_steps(path: PathView, *steps: StepDraft) -> Callable[[Session], PathView]:
    def work(session: Session) -> PathView:
        held = path_store.lock_path(session, path.id)
        return path_store.update(session, held, PathChanges(steps=steps))

    return work


def removing(path: PathView) -> Callable[[Session], None]:
    def work(session: Session) -> None:
        path_store.remove(session, path_store.lock_path(session, path.id))

    return work


def kept(path: PathView, *indexes: int) -> list[StepDraft]:
    return [StepDraft(id=path.route.steps[index].id) for index in indexes]


def shown(engine: Engine, serial: SerialView) -> SerialView:
    with begin(engine) as session:
        return serial_queries.get(session, serial.id)


def assert_counts_agree(engine: Engine) -> None:
    with begin(engine) as session:
        assert routes.miscounts(session) == []
        assert routes.broken_trails(session) == []


def test_two_who_advance_the_same_serial_at_once_move_it_one_step_each(engine: Engine) -> None:
    path = routes.path(engine, "Mill", "Deburr", "Inspect")
    [serial] = routes.units(engine, path, 1)
    first, second = queued(engine, holding(path), advancing(serial), advancing(serial))
    assert isinstance(first, SerialView)
    assert isinstance(second, SerialView)
    assert (first.step_index, second.step_index) == (1, 2)
    assert shown(engine, serial).step_index == 2
    assert_counts_agree(engine)


def test_of_two_who_complete_the_same_serial_at_once_one_is_refused(engine: Engine) -> None:
    path = routes.path(engine, "Mill")
    [serial] = routes.units(engine, path, 1)
    first, second = queued(engine, holding(path), advancing(serial), advancing(serial))
    assert isinstance(first, SerialView)
    assert first.status is SerialStatus.COMPLETED
    assert isinstance(second, ConflictError)
    assert second.message == "Serial number is already completed"
    assert_counts_agree(engine)


def test_a_serial_that_was_scrapped_meanwhile_does_not_advance(engine: Engine) -> None:
    path = routes.path(engine)
    [serial] = routes.units(engine, path, 1)
    scrapping = partial(
        serials.scrap,
        identifier=serial.id,
        reason=ScrapReason.DAMAGED,
        explanation=None,
        actor="Bo",
    )
    scrapped, refused = queued(engine, holding(path), scrapping, advancing(serial))
    assert isinstance(scrapped, SerialView)
    assert isinstance(refused, ConflictError)
    assert refused.message == "Cannot advance a scrapped serial"
    assert_counts_agree(engine)


def test_a_unit_moves_along_the_steps_as_they_are_when_its_turn_comes(engine: Engine) -> None:
    path = routes.path(engine, "Mill", "Deburr", "Inspect")
    [serial] = routes.units(engine, path, 1)
    without_deburr = replacing_steps(path, *kept(path, 0, 2))
    changed, moved = queued(engine, holding(path), without_deburr, advancing(serial))
    assert isinstance(changed, PathView)
    assert isinstance(moved, SerialView)
    assert (moved.step_index, moved.step_id) == (1, path.route.steps[2].id)
    assert_counts_agree(engine)


def test_a_step_is_not_removed_under_a_unit_that_has_just_reached_it(engine: Engine) -> None:
    path = routes.path(engine, "Mill", "Deburr", "Inspect")
    [serial] = routes.units(engine, path, 1)
    without_deburr = replacing_steps(path, *kept(path, 0, 2))
    moved, refused = queued(engine, holding(path), advancing(serial), without_deburr)
    assert isinstance(moved, SerialView)
    assert isinstance(refused, ConflictError)
    assert refused.message == 'Cannot remove step "Deburr": units are at it or have passed it'
    assert shown(engine, serial).step_index == 1


def test_a_path_is_not_deleted_under_units_that_were_just_created(engine: Engine) -> None:
    path = routes.path(engine)
    made, refused = queued(engine, holding(path), creating(path, 3), removing(path))
    assert isinstance(made, list)
    assert isinstance(refused, ConflictError)
    assert refused.message == "Cannot delete path with serial numbers attached"


def test_no_units_are_created_on_a_path_that_was_just_deleted(engine: Engine) -> None:
    path = routes.path(engine)
    _, refused = queued(engine, holding(path), removing(path), creating(path, 3))
    assert isinstance(refused, NotFoundError)
    assert refused.message == f"Path not found: {path.id}"
    with begin(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM serials")) == 0


def test_no_path_is_created_on_a_job_that_is_just_being_deleted(engine: Engine) -> None:
    path = routes.path(engine)
    routes.units(engine, path, 3)

    def delete_job(session: Session) -> None:
        lock_jobs(session, [path.job_id])
        assert path_store.delete_of_job(session, path.job_id) == 1
        session.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": path.job_id})

    another = partial(path_store.create, job_id=path.job_id, draft=routes.path_draft())
    [refused] = queued(engine, delete_job, another)
    assert isinstance(refused, NotFoundError)
    assert refused.message == f"Job not found: {path.job_id}"
    with begin(engine) as session:
        left = "SELECT (SELECT count(*) FROM serials) + (SELECT count(*) FROM serial_events)"
        assert session.scalar(text(left)) == 0


def test_batches_of_concurrent_creators_are_each_consecutive_and_leave_no_gap(
    engine: Engine,
) -> None:
    paths = [routes.path(engine) for _ in range(4)]
    works = [creating(path, size) for path in paths for size in (1, 7, 50, 200)]
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(partial(in_transaction, engine), works))
    for batch in batches:
        first = batch[0].number
        assert [serial.number for serial in batch] == list(range(first, first + len(batch)))
    everyone = sorted(serial.number for batch in batches for serial in batch)
    assert everyone == list(range(1, 4 * 258 + 1))
    assert_counts_agree(engine)


def test_two_batches_that_wait_for_the_counter_follow_each_other(engine: Engine) -> None:
    one, other = routes.path(engine), routes.path(engine)
    lock_counter = text("SELECT 1 FROM serial_counter FOR UPDATE")
    first, second = queued(
        engine, lambda s: s.execute(lock_counter), creating(one, 3), creating(other, 2)
    )
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert [s.id for s in first] == ["SN-00001", "SN-00002", "SN-00003"]
    assert [s.id for s in second] == ["SN-00004", "SN-00005"]


def test_a_batch_that_is_rolled_back_leaves_no_gap(engine: Engine) -> None:
    path = routes.path(engine)
    routes.units(engine, path, 2)

    def create_and_fail(session: Session) -> None:
        creating(path, 5)(session)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        in_transaction(engine, create_and_fail)
    assert routes.units(engine, path, 1)[0].id == "SN-00003"
    assert_counts_agree(engine)


def test_many_at_once_over_the_same_paths_in_opposite_order_do_not_block_each_other(
    engine: Engine,
) -> None:
    paths = [routes.path(engine, *"ABCDEFGHIJ") for _ in range(3)]
    ids = [serial.id for path in paths for serial in routes.units(engine, path, 40)]

    def advance(order: list[str]) -> list[SerialView | AppError]:
        with begin(engine) as session:  # not tried again: a deadlock would be seen
            return serials.advance_many(session, order, actor="Ada")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(advance, [ids, ids[::-1]] * 4))
    assert not any(isinstance(result, AppError) for batch in results for result in batch)
    with begin(engine) as session:
        everyone = serial_queries.page(session, SerialFilter(), limit=1000)
    assert {serial.step_index for serial in everyone} == {8}
    assert_counts_agree(engine)


def test_counts_agree_after_a_rush_of_moves_scraps_batches_and_changed_steps(
    engine: Engine,
) -> None:
    paths = [routes.path(engine, *"ABCD", mode=AdvancementMode.PER_STEP) for _ in range(2)]
    for path in paths:
        routes.units(engine, path, 20)

    def work(seed: int) -> int:
        dice = random.Random(seed)
        return sum(_something(engine, dice, dice.choice(paths)) for _ in range(40))

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(work, range(8)))
    assert done > 100
    assert_counts_agree(engine)


def _something(engine: Engine, dice: random.Random, path: PathView) -> bool:
    """One action of any kind, in a transaction; whether it was not refused."""
    number = f"SN-{dice.randint(1, 45):05d}"
    many = [f"SN-{n:05d}" for n in dice.sample(range(1, 60), 10)]
    reason = ScrapReason.DAMAGED

    def rename_and_add(session: Session) -> object:
        held = path_store.lock_path(session, path.id)
        wanted = [StepDraft(id=s.id, name=s.name + "'") for s in held.route.steps]
        wanted.insert(dice.randint(0, len(wanted)), StepDraft(name="New"))
        return path_store.update(session, held, PathChanges(steps=tuple(wanted)))

    changes: list[Callable[[Session], object]] = [
        partial(serials.advance, identifier=number, actor="a"),
        partial(serials.advance_to, identifier=number, target_index=dice.randint(1, 4), actor="a"),
        partial(serials.advance_many, identifiers=many, actor="a"),
        partial(serials.scrap, identifier=number, reason=reason, explanation=None, actor="a"),
        creating(path, dice.randint(1, 3)),
        rename_and_add,
    ]
    change = dice.choices(changes, weights=[6, 4, 4, 1, 2, 1])[0]
    try:
        with begin(engine) as session:  # not tried again: a deadlock would be seen
            change(session)
    except AppError:
        return False
    return True
