"""Parts that refresh themselves: sent again only after a change."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from shared.database.engine import begin
from tests.dsl import log_in, operator
from tests.support.data import seed

PART = {"Routecard-Part": "live"}


@pytest.fixture
def pages(engine: Engine, pages: FlaskClient) -> FlaskClient:
    seed.shop(engine, jobs=60)
    return pages


def _part(pages: FlaskClient, address: str, tag: str | None = None) -> Any:
    headers = {**PART, **({"If-None-Match": tag} if tag else {})}
    return pages.get(address, headers=headers)


@pytest.mark.parametrize("address", ["/", "/tasks", "/tasks?status=failed"])
def test_a_part_comes_alone_and_once(pages: FlaskClient, address: str) -> None:
    first = _part(pages, address)
    assert first.status_code == 200
    assert "<html" not in first.text
    assert "csrf_token" not in first.text
    again = _part(pages, address, first.headers["ETag"])
    assert (again.status_code, again.text) == (304, "")
    assert again.headers["Cache-Control"] == "no-store"


def test_a_part_comes_again_after_a_change(pages: FlaskClient, engine: Engine) -> None:
    tag = _part(pages, "/tasks?status=failed").headers["ETag"]
    with begin(engine) as session:
        session.execute(
            text("""
            UPDATE sync_tasks SET status = 'pending', error_code = NULL, updated_at = now()
            WHERE ticket_key = 'PI-60'
        """)
        )
    changed = _part(pages, "/tasks?status=failed", tag)
    assert changed.status_code == 200
    assert "PI-60" not in changed.text


def test_a_change_of_jiras_state_shows_on_the_overview(pages: FlaskClient, engine: Engine) -> None:
    tag = _part(pages, "/").headers["ETag"]
    with begin(engine) as session:
        seed.pause(session, "credentials_refused", "Jira refuses our credentials.")
    answer = _part(pages, "/", tag)
    assert answer.status_code == 200
    assert "credentials refused since" in answer.text


def test_the_tag_of_one_list_means_nothing_to_another(pages: FlaskClient) -> None:
    tag = _part(pages, "/tasks?status=failed").headers["ETag"]
    assert _part(pages, "/tasks?status=filled", tag).status_code == 200


def test_a_part_leaves_the_session_as_it_is(pages: FlaskClient, engine: Engine) -> None:
    operator(engine)
    assert "Set-Cookie" in log_in(pages).headers
    answer = _part(pages, "/tasks")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_part_is_not_sent_to_whom_nobody_let_in(pages: FlaskClient, engine: Engine) -> None:
    operator(engine)
    answer = pages.get("/tasks", headers={**PART, "Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 401
    assert "PI-" not in answer.text
