"""Parts that refresh themselves: sent again only after a change."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.support import seed
from tests.support.api import application, log_in, operator

PART = {"Routecard-Part": "live"}


@pytest.fixture
def client(settings: Settings, engine: Engine) -> Iterator[Any]:
    seed.shop(engine, jobs=60)
    with application(settings, engine) as app:
        yield app.test_client()


def _part(client: Any, address: str, tag: str | None = None) -> Any:
    headers = {**PART, **({"If-None-Match": tag} if tag else {})}
    return client.get(address, headers=headers)


@pytest.mark.parametrize("address", ["/", "/tasks", "/tasks?status=failed"])
def test_a_part_comes_alone_and_once(client: Any, address: str) -> None:
    first = _part(client, address)
    assert first.status_code == 200
    assert "<html" not in first.text
    assert "csrf_token" not in first.text
    again = _part(client, address, first.headers["ETag"])
    assert (again.status_code, again.text) == (304, "")
    assert again.headers["Cache-Control"] == "no-store"


def test_a_part_comes_again_after_a_change(client: Any, engine: Engine) -> None:
    tag = _part(client, "/tasks?status=failed").headers["ETag"]
    with begin(engine) as session:
        session.execute(
            text("""
            UPDATE sync_tasks SET status = 'pending', error_code = NULL, updated_at = now()
            WHERE ticket_key = 'PI-60'
        """)
        )
    changed = _part(client, "/tasks?status=failed", tag)
    assert changed.status_code == 200
    assert "PI-60" not in changed.text


def test_a_change_of_jiras_state_shows_on_the_overview(client: Any, engine: Engine) -> None:
    tag = _part(client, "/").headers["ETag"]
    with begin(engine) as session:
        seed.pause(session, "credentials_refused", "Jira refuses our credentials.")
    answer = _part(client, "/", tag)
    assert answer.status_code == 200
    assert "credentials refused since" in answer.text


def test_the_tag_of_one_list_means_nothing_to_another(client: Any) -> None:
    tag = _part(client, "/tasks?status=failed").headers["ETag"]
    assert _part(client, "/tasks?status=filled", tag).status_code == 200


def test_a_part_leaves_the_session_as_it_is(client: Any, engine: Engine) -> None:
    operator(engine)
    assert "Set-Cookie" in log_in(client).headers
    answer = _part(client, "/tasks")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_part_is_not_sent_to_whom_nobody_let_in(client: Any, engine: Engine) -> None:
    operator(engine)
    answer = client.get("/tasks", headers={**PART, "Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 401
    assert "PI-" not in answer.text
