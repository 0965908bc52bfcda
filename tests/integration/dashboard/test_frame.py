"""The frame of every page: guards, headers, files, colours, errors."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from api.auth.sessions import ROLE_ATTRIBUTE
from api.dashboard import PAGES
from shared.database.engine import make_engine
from shared.settings import Settings
from shared.states import Role
from tests.dsl import application, csrf_token, log_in, operator

PAGE = {"Accept": "text/html"}


def _rules(app: Flask, method: str) -> list[Any]:
    ours = tuple(f"{pages.name}." for pages in PAGES)
    rules = app.url_map.iter_rules()
    return [r for r in rules if r.endpoint.startswith(ours) and method in (r.methods or ())]


def test_every_page_asks_for_an_operator_and_every_form_for_a_full_one(app: Flask) -> None:
    assert len(_rules(app, "GET")) > 3
    for rule in _rules(app, "GET") + _rules(app, "POST"):
        assert hasattr(app.view_functions[rule.endpoint], ROLE_ATTRIBUTE), rule
    for rule in _rules(app, "POST"):
        role = getattr(app.view_functions[rule.endpoint], ROLE_ATTRIBUTE)
        own = rule.rule == "/account/sessions/end"  # everybody may end their own
        assert role is (Role.READ_ONLY if own else Role.FULL), rule


def test_every_form_is_refused_without_its_token(app: Flask, pages: FlaskClient) -> None:
    forms = [rule.rule for rule in _rules(app, "POST") if not rule.arguments]
    assert forms
    for address in [*forms, "/theme"]:
        answer = pages.post(address, data={"scope": "matching"})
        assert answer.status_code == 400, address
    assert "open too long" in pages.post("/tasks/retry").text


@pytest.mark.parametrize("address", ["/", "/tasks", "/login?next=/", "/nowhere", "/tasks?sort=x"])
def test_pages_and_their_errors_let_nothing_foreign_in(
    pages: FlaskClient, engine: Engine, address: str
) -> None:
    if address.startswith("/login"):
        operator(engine)
    headers = pages.get(address, headers=PAGE).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["/", "/tasks"])
def test_an_empty_system_says_so(pages: FlaskClient, address: str) -> None:
    answer = pages.get(address)
    assert answer.status_code == 200
    assert "empty-title" in answer.text


def test_pages_hold_no_inline_script_style_or_handler(pages: FlaskClient) -> None:
    for address in ("/", "/tasks"):
        page = pages.get(address).text
        assert page.count("<script") == page.count("<script src=") == 1
        for forbidden in ("<style", " style=", " onclick=", "javascript:"):
            assert forbidden not in page


def test_files_are_kept_for_ever_by_their_content_and_served_to_anybody(
    pages: FlaskClient, engine: Engine
) -> None:
    operator(engine)
    page = pages.get("/login").text
    address = page.split('href="/static/tokens.css', 1)[1].split('"', 1)[0]
    kept = pages.get(f"/static/tokens.css{address}")
    assert (kept.status_code, kept.mimetype) == (200, "text/css")
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    other = pages.get("/static/tokens.css?v=other")
    assert other.headers["Cache-Control"] == "no-cache"
    again = pages.get("/static/tokens.css", headers={"If-None-Match": other.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("address", ["/static/nothing.css", "/static/../app.py", "/static/%2e%2e"])
def test_no_other_file_is_served(pages: FlaskClient, address: str) -> None:
    assert pages.get(address).status_code == 404


def test_an_address_that_leads_nowhere_is_a_page_to_a_browser_and_json_to_a_script(
    pages: FlaskClient,
) -> None:
    page = pages.get("/nowhere", headers=PAGE)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Page not found" in page.text
    assert page.headers["X-Request-ID"] in page.text
    for address, headers in (("/nowhere", {}), ("/api/nowhere", PAGE)):
        answer = pages.get(address, headers=headers)
        assert (answer.status_code, answer.mimetype) == (404, "application/json")


def test_without_the_database_a_page_says_so_in_words(settings: Settings) -> None:
    away = make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")
    with application(settings, away) as app:
        answer = app.test_client().get("/", headers=PAGE)
    away.dispose()
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "The database cannot be reached" in answer.text
    assert answer.headers["Retry-After"] == "2"
    assert "nobody" not in answer.text


def test_colours_are_kept_in_a_cookie_and_lead_back_to_the_page(pages: FlaskClient) -> None:
    page = pages.get("/tasks?q=PI-42")
    assert 'data-theme="auto"' in page.text
    answer = pages.post(
        "/theme",
        data={"theme": "dark", "csrf_token": csrf_token(page.text)},
        headers={"Referer": "http://localhost/tasks?q=PI-42"},
    )
    assert (answer.status_code, answer.location) == (303, "/tasks?q=PI-42")
    assert 'data-theme="dark"' in pages.get("/tasks").text


@pytest.mark.parametrize("came_from", ["https://evil.example/x", "", "http://localhost//evil"])
def test_the_choice_of_colours_leads_to_no_other_site(pages: FlaskClient, came_from: str) -> None:
    token = csrf_token(pages.get("/").text)
    form = {"theme": "<b>", "csrf_token": token}
    answer = pages.post("/theme", data=form, headers={"Referer": came_from})
    assert answer.location == "/"
    assert 'data-theme="auto"' in pages.get("/").text


def test_pages_that_stand_open_say_so_until_there_is_an_operator(
    settings: Settings, engine: Engine
) -> None:
    with application(settings, engine) as app:
        assert "no operator account exists" in app.test_client().get("/").text
    operator(engine)
    with application(settings, engine) as app:
        pages = app.test_client()
        log_in(pages)
        page = pages.get("/").text
    assert "no operator account exists" not in page
    assert "<b>ada</b>" in page
    assert "Sign out" in page


def test_the_login_page_tells_nothing_of_what_is_authorized(
    pages: FlaskClient, engine: Engine
) -> None:
    operator(engine)
    page = pages.get("/login").text
    assert "/tasks" not in page
    assert "Sign out" not in page
