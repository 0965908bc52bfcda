"""/healthz and /readyz: fast and correct, also when a server is down or silent."""

import socket
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin, make_engine
from shared.settings import Settings
from tests.dsl import ApiClient, api_client

QUICK_SECONDS = 10.0
"""Far more than the second that the answer may take, and less than any silence would last."""


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def beat(engine: Engine, name: str, *, seconds_ago: int = 0) -> None:
    """Write a heartbeat."""
    with begin(engine) as session:
        session.execute(
            text(
                "INSERT INTO heartbeats VALUES (:name, now() - make_interval(secs => :ago)) "
                "ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at"
            ),
            {"name": name, "ago": seconds_ago},
        )


def test_a_process_that_answers_is_alive(api: ApiClient) -> None:
    assert api.get("/healthz").get_json() == {"status": "ok"}


def test_with_everything_in_place_nothing_is_degraded(api: ApiClient, engine: Engine) -> None:
    beat(engine, "worker")
    beat(engine, "beat")
    answer = api.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ready", "degraded": []}


def test_parts_that_show_no_life_are_listed_and_creates_go_on(
    api: ApiClient, engine: Engine
) -> None:
    assert api.get("/readyz").get_json()["degraded"] == ["worker", "beat"]
    beat(engine, "worker", seconds_ago=11)
    beat(engine, "beat", seconds_ago=5)
    answer = api.get("/readyz")
    assert (answer.status_code, answer.get_json()["degraded"]) == (200, ["worker"])
    assert api.job()["id"]


def test_a_broker_that_is_away_or_silent_degrades_and_costs_no_time(
    settings: Settings, engine: Engine, silent: int
) -> None:
    beat(engine, "worker")
    beat(engine, "beat")
    for port in (9, silent):
        away = {"redis_url": type(settings.redis_url)(f"redis://127.0.0.1:{port}/0")}
        with api_client(settings.model_copy(update=away), engine) as api:
            api.get("/readyz")
            begun = time.monotonic()
            answer = api.get("/readyz")
            assert time.monotonic() - begun < QUICK_SECONDS
            assert answer.get_json() == {"status": "ready", "degraded": ["broker"]}
            assert api.job(jiraTicketKey="PI-42")["id"]


def test_without_a_database_it_is_not_ready_and_says_so_quickly(
    settings: Settings, silent: int
) -> None:
    for port in (9, silent):
        nowhere = make_engine(f"postgresql+psycopg://nobody@127.0.0.1:{port}/nothing")
        with api_client(settings, nowhere) as api:
            begun = time.monotonic()
            answer = api.get("/readyz")
            assert time.monotonic() - begun < QUICK_SECONDS
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers
            assert answer.get_json()["code"] == "not_ready"
            assert api.get("/healthz").status_code == 200
        nowhere.dispose()


def test_many_who_ask_a_silent_database_hang_one_thread(settings: Settings, silent: int) -> None:
    nowhere = make_engine(f"postgresql+psycopg://nobody@127.0.0.1:{silent}/nothing")
    with api_client(settings, nowhere) as api:
        assert {api.get("/readyz").status_code for _ in range(3)} == {503}
        assert nowhere.pool.checkedout() <= 1  # type: ignore[attr-defined]  # a QueuePool
    nowhere.dispose()


def test_with_migrations_missing_it_is_not_ready(api: ApiClient, engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = api.get("/readyz")
    assert answer.status_code == 503
    assert "routecard migrate" in answer.get_json()["message"]
