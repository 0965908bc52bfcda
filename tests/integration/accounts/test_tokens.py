"""Tokens and scopes, and open mode: it is for this machine only."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from api.auth.scopes import Unscoped, access_of
from api.auth.sessions import ROLE_ATTRIBUTE
from shared.accounts import tokens as access_tokens
from shared.database.engine import begin, make_engine
from shared.models import ApiToken
from shared.settings import AuthMode, Settings
from shared.states import Scope
from tests.dsl import application, bearer, token
from tests.support.waiting import eventually

JOBS = "/api/jobs?limit=1"


@pytest.fixture
def closed(settings: Settings, engine: Engine) -> Iterator[Any]:
    required = settings.model_copy(update={"auth": AuthMode.REQUIRED})
    with application(required, engine) as app:
        yield app


def _routes(app: Any) -> list[tuple[Any, str]]:
    """Every rule with each of its methods, as addresses that reach the view."""
    found = []
    for rule in app.url_map.iter_rules():
        variables = dict.fromkeys(rule.arguments, "x")
        _, address = rule.build(variables, append_unknown=False) or ("", rule.rule)
        found += [(rule, method, address) for method in sorted(rule.methods - {"OPTIONS"})]
    return found


def _kind(app: Any, rule: Any) -> object:
    view = app.view_functions[rule.endpoint]
    return access_of(app, rule.endpoint) or getattr(view, ROLE_ATTRIBUTE, None)


def test_every_route_says_who_may_call_it(app: Any) -> None:
    silent = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if _kind(app, rule) is None
        and not rule.rule.startswith("/docs/")
        and rule.endpoint.rpartition(".")[2] != "static"
    ]
    assert silent == []


def test_every_route_with_a_scope_refuses_no_wrong_and_too_small_credentials(
    closed: Any, engine: Engine
) -> None:
    tokens = {
        scope: token(engine, *(set(Scope) - {scope}), name=f"all but {scope}") for scope in Scope
    }
    client = closed.test_client()
    checked = 0
    for rule, method, address in _routes(closed):
        scope = access_of(closed, rule.endpoint)
        if not isinstance(scope, Scope):
            continue
        checked += 1
        where = f"{method} {rule.rule}"
        for headers in ({}, bearer(access_tokens.new_token()), {"Authorization": "Basic YTpi"}):
            answer = client.open(address, method=method, headers=headers)
            assert answer.status_code == 401, where
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), where
        answer = client.open(address, method=method, headers=bearer(tokens[scope]))
        assert answer.status_code == 403, where
    assert checked >= 3


def test_reading_routes_ask_for_a_read_scope_and_changing_ones_for_a_write_scope(app: Any) -> None:
    scopes = [(rule, access_of(app, rule.endpoint)) for rule in app.url_map.iter_rules()]
    scoped = [(rule, scope) for rule, scope in scopes if isinstance(scope, Scope)]
    assert {scope for _, scope in scoped} == set(Scope)
    for rule, scope in scoped:
        wanted = "read" if "GET" in rule.methods else "write"
        assert scope.value.endswith(wanted), rule.rule


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/openapi.json"])
def test_signs_of_life_and_the_document_are_public(closed: Any, address: str) -> None:
    assert closed.test_client().get(address).status_code == 200


def test_the_webhook_is_the_only_route_that_jira_signs(app: Any) -> None:
    signed = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if access_of(app, rule.endpoint) is Unscoped.SIGNED_BY_JIRA
    }
    assert signed <= {"/api/webhooks/jira"}


def test_a_token_with_the_scope_is_let_in(closed: Any, engine: Engine) -> None:
    answer = closed.test_client().get(JOBS, headers=bearer(token(engine, Scope.JOBS_READ)))
    assert (answer.status_code, answer.json) == (200, [])


def test_open_mode_needs_no_token_on_this_machine_while_none_exists(app: Any) -> None:
    assert app.test_client().get(JOBS).status_code == 200


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Forwarded": "for=1.2.3.4"}, {}),
        ({"X-Forwarded-For": "127.0.0.1"}, {}),
        ({"X-Forwarded-Host": "localhost"}, {}),
        ({"X-Forwarded-Anything": ""}, {}),
        ({"X_Forwarded_For": "127.0.0.1"}, {}),
        ({"X-Real-IP": "127.0.0.1"}, {}),
        ({"Via": "1.1 proxy"}, {}),
        ({"CF-Connecting-IP": "127.0.0.1"}, {}),
        ({"CF-Ray": "1"}, {}),
        ({"X-Original-URL": "/"}, {}),
        ({"X-Original-Host": "localhost"}, {}),
        ({"True-Client-IP": "127.0.0.1"}, {}),
        ({"X-Client-IP": "127.0.0.1"}, {}),
        ({"Fastly-Client-IP": "127.0.0.1"}, {}),
        ({"Host": "localhost:5000"}, {}),
        ({"Host": "localhost:0"}, {}),
        ({"Host": "shop.example.com"}, {}),
        ({"Host": "localhost.example.com"}, {}),
        ({"Host": "127.0.0.1.nip.io:3000"}, {}),
        ({"Host": "0.0.0.0:3000"}, {}),
        ({"Host": "localhost@evil.example"}, {}),
        ({"Host": "evil.example@localhost"}, {}),
        ({"Host": "localhost/evil.example"}, {}),
        ({"Host": "localhost#evil.example"}, {}),
        ({"Host": "[::1"}, {}),
        ({"Host": "localhost.:3000"}, {}),
        ({"Host": ""}, {}),
        ({"Origin": "https://evil.example"}, {}),
        ({"Origin": "http://localhost:5000"}, {}),
        ({"Origin": "http://127.0.0.1"}, {}),
        ({"Origin": "https://localhost"}, {}),
        ({"Origin": "http://localhost:5000", "Sec-Fetch-Site": "same-origin"}, {}),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({"Sec-Fetch-Site": ""}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": "http://[::1"}, {}),
        ({"Origin": "http://a]b"}, {}),
        ({"Origin": "http://[localhost]"}, {}),
        ({"Origin": "localhost"}, {}),
        ({"Origin": "http://localhost.evil.example"}, {}),
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({}, {"REMOTE_ADDR": "192.168.1.20"}),
        ({}, {"REMOTE_ADDR": ""}),
    ],
)
def test_open_mode_needs_a_token_if_the_caller_may_be_on_another_machine(
    app: Any, headers: dict[str, str], base: dict[str, str]
) -> None:
    answer = app.test_client().get(JOBS, headers=headers, environ_overrides=base)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost", "Origin": "http://localhost"},
        {"Host": "127.0.0.1:80", "Sec-Fetch-Site": "same-origin"},
        {"Host": "[::1]", "Origin": "http://[::1]", "Sec-Fetch-Site": "same-origin"},
        {"Host": "LOCALHOST", "Sec-Fetch-Site": "none"},
    ],
)
def test_open_mode_is_open_to_the_machines_own_browser(app: Any, headers: dict[str, str]) -> None:
    assert app.test_client().get(JOBS, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "change", [{"trusted_proxies": 1}, {"auth": AuthMode.REQUIRED}], ids=["proxy", "required"]
)
def test_settings_close_what_open_mode_would_open(
    settings: Settings, engine: Engine, change: dict[str, Any]
) -> None:
    with application(settings.model_copy(update=change), engine) as app:
        assert app.test_client().get(JOBS).status_code == 401


def test_forwarded_headers_are_believed_from_as_many_proxies_as_are_trusted(
    settings: Settings, engine: Engine
) -> None:
    seen: dict[int, str | None] = {}
    for count in (0, 1):
        changed = settings.model_copy(update={"trusted_proxies": count})
        with application(changed, engine) as app:
            with app.test_request_context(
                "/", headers={"X-Forwarded-For": "6.6.6.6, 10.1.2.3"}
            ) as context:
                environ = {**context.request.environ, "REMOTE_ADDR": "10.9.9.9"}
            app.wsgi_app(environ, lambda *_: None)
            seen[count] = environ["REMOTE_ADDR"]
    assert seen == {0: "10.9.9.9", 1: "10.1.2.3"}


def test_the_first_token_closes_open_mode_at_once(app: Any, engine: Engine) -> None:
    client = app.test_client()
    assert client.get(JOBS).status_code == 200
    value = token(engine, Scope.JOBS_READ)
    assert client.get(JOBS).status_code == 401
    assert client.get(JOBS, headers=bearer(value)).status_code == 200


def test_a_revoked_token_is_refused_within_a_second_or_so_and_opens_nothing(
    app: Any, engine: Engine
) -> None:
    client = app.test_client()
    value = token(engine, Scope.JOBS_READ)
    assert client.get(JOBS, headers=bearer(value)).status_code == 200
    with begin(engine) as session:
        access_tokens.revoke(session, "planner")
    eventually(lambda: client.get(JOBS, headers=bearer(value)).status_code == 401, within=10)
    assert client.get(JOBS).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer rc_short",
        "Basic YTpi",
        "rc_x",
        "",
        "Bearer \udce4",
        "Bearer " + "9" * 9000,
    ],
)
def test_a_credential_that_is_sent_is_checked_where_none_is_needed(app: Any, header: str) -> None:
    answer = app.test_client().get(JOBS, headers={"Authorization": header})
    assert answer.status_code == 401


def test_a_token_too_small_is_refused_where_none_is_needed(app: Any, engine: Engine) -> None:
    value = token(engine, Scope.OPS_READ)
    assert app.test_client().get(JOBS, headers=bearer(value)).status_code == 403


def test_without_the_database_no_token_is_accepted(settings: Settings) -> None:
    away = make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")
    with application(settings, away) as app:
        client: FlaskClient = app.test_client()
        for headers in ({}, bearer(access_tokens.new_token())):
            assert client.get(JOBS, headers=headers).status_code == 503
        assert client.get(JOBS, headers=bearer("rc_nonsense")).status_code == 401
    away.dispose()


def test_only_the_hash_of_a_token_is_stored(engine: Engine) -> None:
    value = token(engine, Scope.JOBS_READ)
    with begin(engine) as session:
        (stored,) = session.query(ApiToken).all()
        row = {column.name: getattr(stored, column.name) for column in ApiToken.__table__.columns}
    assert value not in str(row)
    assert value.removeprefix("rc_") not in str(row)
    assert row["token_hash"] == access_tokens.hash_of(value)


def test_the_use_of_a_token_is_noted_to_the_minute_without_a_write_each_time(
    engine: Engine,
) -> None:
    value = token(engine, Scope.JOBS_READ)

    def used() -> Any:
        with begin(engine) as session:
            access_tokens.look_up(session, value)
        with begin(engine) as session:
            return access_tokens.listed(session)[0].last_used_at

    first = used()
    assert first is not None
    assert used() == first


def test_neither_the_log_nor_an_answer_shows_a_token(
    closed: Any, engine: Engine, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    value = token(engine, Scope.JOBS_READ)
    unknown = access_tokens.new_token()
    client = closed.test_client()
    with caplog.at_level("DEBUG"):
        answers = [
            client.get(JOBS, headers=bearer(sent)).get_data(as_text=True)
            for sent in (value, unknown)
        ]
    said = caplog.text + capsys.readouterr().err + "".join(answers)
    assert value not in said
    assert unknown not in said
