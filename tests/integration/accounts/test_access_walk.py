"""A walk over every route with every method and every kind of credential.

The expected answers follow from each route's own rule; the routes that need no credential are
listed here a second time, so that a rule that is wrong fails too.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, inspect, text

from api.auth.scopes import access_of
from api.auth.sessions import ROLE_ATTRIBUTE
from shared.accounts import tokens as access_tokens
from shared.database.engine import begin
from shared.settings import Settings
from shared.states import Role, Scope
from tests.dsl import application, bearer, log_in, make_task_in_each_state, operator, token

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs/"),
    ("GET", "/docs/<path:path>"),
    ("GET", "/static/<name>"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("POST", "/theme"),
}
"""Routes that anybody may call; forms among them take no change without a page's token."""
SIGNED = {("POST", "/api/webhooks/jira")}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORWARDED = ({"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}, {"Via": "1.1 p"})
LET_IN = "let in"
NO_CREDENTIAL = "no credential"
TOO_SMALL = "too small"
TO_LOGIN = "to the login"
REFUSALS = {
    HTTPStatus.UNAUTHORIZED: NO_CREDENTIAL,
    HTTPStatus.FORBIDDEN: TOO_SMALL,
}


@pytest.fixture
def closed(settings: Settings, engine: Engine) -> Iterator[Flask]:
    """The application as `routecard api` serves it: without open mode."""
    with application(settings, engine, under_dev=False) as app:
        yield app


class Route:
    """One rule of the application with one method."""

    def __init__(self, app: Flask, rule: Any, method: str) -> None:
        self.method, self.rule = method, rule.rule
        view = app.view_functions[rule.endpoint]
        self.declared = method in rule.methods
        self.access = access_of(app, rule.endpoint)
        self.role: Role | None = getattr(view, ROLE_ATTRIBUTE, None)
        self.address = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False)[1]

    def __repr__(self) -> str:
        return f"{self.method} {self.rule}"

    def call(self, client: FlaskClient, headers: dict[str, str]) -> str:
        """What becomes of a request without a body."""
        answer = client.open(self.address, method=self.method, headers=headers)
        if answer.status_code == HTTPStatus.SEE_OTHER and "/login" in answer.location:
            return TO_LOGIN
        return REFUSALS.get(HTTPStatus(answer.status_code), LET_IN)


def routes(app: Flask) -> list[Route]:
    """All of them; methods that a rule does not have count too."""
    rules = list(app.url_map.iter_rules())
    found = [Route(app, rule, method) for rule in rules for method in METHODS]
    taken = {(route.method, route.rule) for route in found if route.declared}
    return [r for r in found if r.declared or (r.method, r.rule) not in taken]


def credentials(engine: Engine) -> dict[str, tuple[dict[str, str], set[Scope]]]:
    """Headers and scopes by kind of credential; {} where nothing valid is sent."""
    kinds: dict[str, tuple[dict[str, str], set[Scope]]] = {
        "none": ({}, set()),
        "unknown token": (bearer(access_tokens.new_token()), set()),
        "all scopes": (bearer(token(engine, *Scope, name="all")), set(Scope)),
    }
    for scope in Scope:
        kinds[scope.value] = (bearer(token(engine, scope, name=scope.value)), {scope})
    return kinds


def expected_of_token(route: Route, scopes: set[Scope]) -> str:
    """What a route does with a request that carries these scopes and no session."""
    if (route.method, route.rule) in SIGNED:
        return NO_CREDENTIAL
    if isinstance(route.access, Scope) and route.declared:
        if not scopes:
            return NO_CREDENTIAL
        return LET_IN if route.access in scopes else TOO_SMALL
    if route.role is not None and route.declared:
        return TO_LOGIN
    return LET_IN  # public, or 405


def test_the_routes_without_a_credential_are_these(closed: Flask) -> None:
    undeclared = {
        (route.method, route.rule)
        for route in routes(closed)
        if route.declared and not isinstance(route.access, Scope) and route.role is None
    }
    assert undeclared == PUBLIC | SIGNED


@pytest.mark.parametrize("way", [{}, *FORWARDED], ids=["plain", "x-forwarded", "forwarded", "via"])
@pytest.mark.parametrize("host", ["localhost", "shop.example.com"])
def test_every_route_answers_every_token_as_its_scope_says(
    closed: Flask, engine: Engine, host: str, way: dict[str, str]
) -> None:
    wrong = []
    kinds = credentials(engine)
    if way or host != "localhost":
        kinds = {name: kinds[name] for name in ("none", "unknown token", "all scopes")}
    client = closed.test_client()
    for route in routes(closed):
        for name, (headers, scopes) in kinds.items():
            expected = expected_of_token(route, scopes)
            if host != "localhost" and (route.method, route.rule) == ("POST", "/login"):
                expected = TOO_SMALL  # it takes passwords over HTTPS only
            got = route.call(client, {**headers, **way, "Host": host})
            if got != expected:
                wrong.append(f"{route} with {name}: {got}, not {expected}")
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_every_route_answers_every_operator_as_its_role_says(
    closed: Flask, engine: Engine, role: Role
) -> None:
    operator(engine, role=role)
    client = closed.test_client()
    log_in(client)
    wrong = []
    for route in routes(closed):
        if route.rule == "/logout":
            continue
        expected = LET_IN
        scoped = isinstance(route.access, Scope) and route.declared
        if scoped or (route.method, route.rule) in SIGNED:
            expected = NO_CREDENTIAL
        elif route.declared and route.role is Role.FULL and role is Role.READ_ONLY:
            expected = TOO_SMALL
        got = route.call(client, {})
        if got != expected:
            wrong.append(f"{route}: {got}, not {expected}")
    assert wrong == []


def test_open_mode_lets_every_route_in_and_the_first_credential_shuts_them_all(
    app: Flask, engine: Engine
) -> None:
    client = app.test_client()
    for route in routes(app):
        expected = NO_CREDENTIAL if (route.method, route.rule) in SIGNED else LET_IN
        assert route.call(client, {}) == expected, route
    operator(engine)
    for route in routes(app):
        assert route.call(client, {}) == expected_of_token(route, set()), route


@pytest.mark.parametrize(
    "way",
    [
        *FORWARDED,
        {"Host": "evil.example"},
        {"Host": "localhost:5000"},
        {"Origin": "http://localhost:5000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=lambda way: "-".join(next(iter(way.items()))),
)
def test_open_mode_lets_no_route_in_that_another_site_or_machine_may_have_called(
    app: Flask, way: dict[str, str]
) -> None:
    client = app.test_client()
    for route in routes(app):
        expected = expected_of_token(route, set())
        got = route.call(client, way)
        if route.method == "POST" and route.rule in ("/login", "/logout", "/theme"):
            assert got in (LET_IN, TOO_SMALL), route  # their forms' tokens are missing in any case
        else:
            assert got == expected, route


@pytest.mark.parametrize("address", ["/login", "/logout", "/theme", "/tasks/retry"])
@pytest.mark.parametrize(
    "way",
    [{"Origin": "http://localhost:5000"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}],
)
def test_no_form_is_taken_from_another_site(
    closed: Flask, engine: Engine, address: str, way: dict[str, str]
) -> None:
    operator(engine)
    client = closed.test_client()
    log_in(client)
    answer = client.post(address, headers=way)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "another site" in answer.text


def contents(engine: Engine) -> dict[str, str | None]:
    """A hash of every table."""
    hashes = {}
    with begin(engine) as session:
        for table in inspect(session.connection()).get_table_names():
            query = f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} AS t"
            hashes[table] = session.scalar(text(query))
    return hashes


def test_no_get_changes_anything(app: Flask, engine: Engine) -> None:
    make_task_in_each_state(engine)
    client = app.test_client()
    before = contents(engine)
    for route in routes(app):
        if route.method == "GET" and route.declared:
            client.get(route.address)
    assert contents(engine) == before
