"""Fixtures of tests about production."""

import pytest

from tests.dsl import ApiClient
from tests.support.data.shop import Shop


@pytest.fixture
def shop(api: ApiClient) -> Shop:
    """The API, with one job."""
    return Shop(api)
