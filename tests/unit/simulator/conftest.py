"""Fixtures of the simulator's unit tests."""

import pytest

from tests.support.clocks import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Half past ten on a Monday."""
    return ManualClock()
