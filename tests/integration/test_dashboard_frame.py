"""The frame of every page: headers, assets, theme, errors, CSRF, roles."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.settings import Settings
from tests.support.api import application


@pytest.fixture
def client(settings: Settings, engine: Engine) -> Iterator[Any]:
    with application(settings, engine) as app:
        yield app.test_client()


@pytest.mark.parametrize("address", ["/", "/tasks"])
def test_pages_answer_on_an_empty_system(client: Any, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
