"""How often a token may call and an address be refused, counted in Redis for every process."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from api.auth import rate_limit
from shared.accounts import tokens as access_tokens
from shared.settings import AuthMode, Settings
from shared.states import Scope
from tests.dsl import application, bearer, token
from worker.dev.valkey import free_port

JOBS = "/api/jobs?limit=1"


@pytest.fixture
def limited(settings: Settings) -> Settings:
    return settings.model_copy(update={"auth": AuthMode.REQUIRED, "requests_per_minute": 5})


@pytest.fixture
def processes(limited: Settings, engine: Engine) -> Iterator[list[Flask]]:
    """Two API processes."""
    with ExitStack() as stack:
        yield [stack.enter_context(application(limited, engine)) for _ in range(2)]


def status(app: Flask, headers: dict[str, str], **environ: Any) -> int:
    return app.test_client().get(JOBS, headers=headers, environ_overrides=environ).status_code


def test_a_token_over_its_limit_is_told_when_to_come_back(
    processes: list[Flask], engine: Engine
) -> None:
    erp, planner = (bearer(token(engine, Scope.JOBS_READ, name=name)) for name in ("erp", "plan"))

    answered = [status(processes[number % 2], erp) for number in range(6)]
    refused = processes[0].test_client().get(JOBS, headers=erp)

    assert answered == [200] * 5 + [429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert refused.json["code"] == "rate_limited"
    assert status(processes[0], planner) == 200


def test_guesses_of_an_address_are_limited_and_its_valid_tokens_accepted(
    processes: list[Flask], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    erp = bearer(token(engine, Scope.JOBS_READ))
    for app in processes:
        limit = app.extensions["routecard"].singleton(rate_limit.RateLimit)
        monkeypatch.setattr(limit._of_address, "amount", 3)

    wrong = [
        status(processes[number % 2], bearer(access_tokens.new_token())) for number in range(5)
    ]

    assert wrong == [401, 401, 401, 429, 429]
    assert status(processes[0], {}) == 429
    assert status(processes[0], erp) == 200
    assert status(processes[0], {}, REMOTE_ADDR="192.0.2.7") == 401


def test_without_redis_nobody_is_refused(limited: Settings, engine: Engine) -> None:
    erp = bearer(token(engine, Scope.JOBS_READ))
    away = limited.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    with application(Settings.model_validate(away.model_dump()), engine) as app:
        assert {status(app, erp) for _ in range(8)} == {200}
        assert status(app, {}) == 401
