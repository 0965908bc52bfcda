"""The limit of webhook bodies that are read at once, and the answer beyond it."""

from contextlib import ExitStack

import pytest

from api.http.refusals import NotReadyError
from api.webhooks import read_body
from api.webhooks.read_body import LARGE_BODIES, LARGE_BYTES, ConcurrencyLimit


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_body, "WAIT_SECONDS", 0.01)


def test_small_bodies_take_most_of_the_threads_and_no_more() -> None:
    limit = ConcurrencyLimit(threads=8)
    with ExitStack() as held:
        for _ in range(6):
            held.enter_context(limit.acquired(100))
        with pytest.raises(NotReadyError), limit.acquired(100):
            pass
    with limit.acquired(100):
        pass


@pytest.mark.parametrize("length", [LARGE_BYTES + 1, None])
def test_few_large_bodies_or_such_of_unknown_length_leave_room_for_small_ones(
    length: int | None,
) -> None:
    limit = ConcurrencyLimit(threads=16)
    with ExitStack() as held:
        for _ in range(LARGE_BODIES):
            held.enter_context(limit.acquired(length))
        with pytest.raises(NotReadyError), limit.acquired(length):
            pass
        with limit.acquired(LARGE_BYTES):
            pass
    with limit.acquired(length):
        pass


def test_a_place_is_given_back_when_reading_fails() -> None:
    limit = ConcurrencyLimit(threads=2)
    for _ in range(10):
        with pytest.raises(OSError, match="gone"), limit.acquired(None):
            raise OSError("gone")
