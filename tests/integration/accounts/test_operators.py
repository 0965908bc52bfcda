"""Access to the dashboard: login, roles, CSRF, sessions that end."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import render_template_string
from sqlalchemy import Engine, text

from api.auth.bearer import current_actor
from api.auth.sessions import ROLE_ATTRIBUTE, require_operator
from shared.accounts import operators
from shared.database.engine import begin, make_engine
from shared.models import LoginFailures
from shared.settings import AuthMode, Settings
from shared.states import Role
from tests.dsl import PASSWORD, application, csrf_token, log_in, operator

_FORM = '<form><input name="csrf_token" value="{{ csrf_token() }}"></form>{{ name }}'


def _page() -> str:
    return render_template_string(_FORM, name=current_actor().name)


def _audit_context() -> str:
    return f"done by {current_actor().kind} {current_actor().name}"


@pytest.fixture
def app(settings: Settings, engine: Engine) -> Iterator[Any]:
    with application(settings, engine) as app:
        app.add_url_rule("/page", view_func=require_operator()(_page))
        app.add_url_rule(
            "/action", view_func=require_operator(Role.FULL)(_audit_context), methods=["POST"]
        )
        yield app


def _do(client: Any, **options: Any) -> Any:
    page = client.get("/page", **options).get_data(as_text=True)
    return client.post("/action", data={"csrf_token": csrf_token(page)}, **options)


def test_pages_are_open_on_this_machine_while_there_is_no_operator(app: Any) -> None:
    client = app.test_client()
    assert "anonymous" in client.get("/page").text
    assert _do(client).text == "done by open anonymous"


def test_an_open_page_still_takes_no_form_without_its_token(app: Any) -> None:
    assert app.test_client().post("/action").status_code == 400


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-Forwarded-For": "1.2.3.4"}},
        {"headers": {"Host": "shop.example.com"}},
        {"environ_overrides": {"REMOTE_ADDR": "192.168.1.20"}},
    ],
)
def test_pages_require_a_login_if_the_caller_may_be_on_another_machine(
    app: Any, options: dict[str, Any]
) -> None:
    answer = app.test_client().get("/page", **options)
    assert (answer.status_code, answer.location) == (303, "/login?next=/page")


def test_an_operator_logs_in_and_is_brought_where_they_wanted(app: Any, engine: Engine) -> None:
    operator(engine)
    client = app.test_client()
    assert client.get("/page?q=PI-42").location == "/login?next=/page%3Fq%3DPI-42"
    page = client.get("/login?next=/page%3Fq%3DPI-42").text
    form = {
        "name": "ada",
        "password": PASSWORD,
        "next": "/page?q=PI-42",
        "csrf_token": csrf_token(page),
    }
    answer = client.post("/login", data=form)
    assert (answer.status_code, answer.location) == (303, "/page?q=PI-42")
    assert "ada" in client.get("/page").text
    assert _do(client).text == "done by operator ada"
    with begin(engine) as session:
        assert operators.listed(session)[0].last_login_at is not None


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "http://[",
        "/api/jobs",
        "x\n",
    ],
)
def test_a_login_leads_to_no_other_site(app: Any, engine: Engine, elsewhere: str) -> None:
    operator(engine)
    client = app.test_client()
    form = {"name": "ada", "password": PASSWORD, "next": elsewhere}
    form["csrf_token"] = csrf_token(client.get("/login").text)
    assert client.post("/login", data=form).location == "/"


def test_a_script_on_a_page_learns_that_its_session_ended(app: Any, engine: Engine) -> None:
    operator(engine)
    answer = app.test_client().get("/page", headers={"Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 401


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong password"), ("eve", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    app: Any, engine: Engine, name: str, password: str
) -> None:
    operator(engine)
    answer = log_in(app.test_client(), name, password=password)
    assert answer.status_code == 403
    assert "Name or password is wrong." in answer.text


@pytest.mark.parametrize("name", ["", "\0", "a" * 5000, "ada\0"])
def test_odd_names_are_refused_like_any_other(app: Any, engine: Engine, name: str) -> None:
    operator(engine, "bob")
    assert log_in(app.test_client(), name).status_code == 403


def test_a_login_without_the_forms_token_is_refused_and_costs_no_guess(
    app: Any, engine: Engine
) -> None:
    operator(engine)
    answer = app.test_client().post("/login", data={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 400
    with begin(engine) as session:
        assert session.query(LoginFailures).count() == 0


def test_the_login_form_cannot_fill_the_disk(app: Any, engine: Engine) -> None:
    operator(engine)
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    upload = part + b" " * 2 * 1024 * 1024 + b"\r\n--x--\r\n"
    form = "multipart/form-data; boundary=x"
    answer = app.test_client().post("/login", data=upload, content_type=form)
    assert answer.status_code == 413


def test_without_the_database_no_login_succeeds(settings: Settings) -> None:
    away = make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")
    with application(settings, away) as app:
        client = app.test_client()
        options = {"headers": {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}}
        answer = log_in(client, **options)
    away.dispose()
    assert answer.status_code == 503


def test_a_read_only_operator_sees_and_does_nothing(app: Any, engine: Engine) -> None:
    operator(engine, role=Role.READ_ONLY)
    client = app.test_client()
    log_in(client)
    assert client.get("/page").status_code == 200
    assert _do(client).status_code == 403


def test_a_form_from_another_page_is_refused(app: Any, engine: Engine) -> None:
    operator(engine)
    client = app.test_client()
    log_in(client)
    assert client.post("/action").status_code == 400
    assert client.post("/action", data={"csrf_token": "made up"}).status_code == 400


def test_the_last_operator_removed_opens_nothing(app: Any, engine: Engine) -> None:
    operator(engine)
    with begin(engine) as session:
        operators.remove(session, "ada")
    assert app.test_client().get("/page").status_code == 303


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites(app: Any, engine: Engine) -> None:
    operator(engine)
    cookie = log_in(app.test_client()).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    secure = log_in(
        app.test_client(),
        base_url="https://shop.example.com",
        headers={"Referer": "https://shop.example.com/login"},
    )
    assert secure.headers["Set-Cookie"].startswith("__Host-routecard_session=")
    assert "Secure" in secure.headers["Set-Cookie"]
    assert "Path=/" in secure.headers["Set-Cookie"]
    assert "Domain" not in secure.headers["Set-Cookie"]


def test_passwords_are_not_taken_in_the_clear_from_other_machines(app: Any, engine: Engine) -> None:
    operator(engine)
    answer = log_in(app.test_client(), base_url="http://shop.example.com")
    assert answer.status_code == 403
    assert "over HTTPS only" in answer.text
    with begin(engine) as session:
        assert session.query(LoginFailures).count() == 0


def test_the_dashboards_cookie_never_authorises_the_rest_api(
    settings: Settings, engine: Engine
) -> None:
    operator(engine)
    closed = settings.model_copy(update={"auth": AuthMode.REQUIRED})
    with application(closed, engine) as app:
        client = app.test_client()
        assert log_in(client).status_code == 303
        answer = client.get("/api/jobs?limit=1")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_only_an_argon2_hash_of_a_password_is_stored(engine: Engine) -> None:
    operator(engine)
    with begin(engine) as session:
        (stored,) = session.execute(text("SELECT password_hash FROM operators")).scalars()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def _pages(app: Any) -> list[tuple[Role, str, str]]:
    """Every page with each of its methods, as addresses that reach the view."""
    found = []
    for rule in app.url_map.iter_rules():
        role = getattr(app.view_functions[rule.endpoint], ROLE_ATTRIBUTE, None)
        if role is not None:
            _, address = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False)
            methods = sorted(rule.methods - {"OPTIONS"})
            found += [(role, method, address) for method in methods]
    assert found
    return found


def _changing_pages(app: Any) -> list[tuple[Role, str, str]]:
    """Those that do more than read."""
    own = "/account/sessions/end"  # everybody may end their own
    found = [page for page in _pages(app) if page[1] not in ("GET", "HEAD") and page[2] != own]
    assert found
    return found


def test_every_page_redirects_to_the_login_without_a_session(app: Any, engine: Engine) -> None:
    operator(engine)
    client = app.test_client()
    for _, method, address in _pages(app):
        answer = client.open(address, method=method)
        assert answer.status_code == 303, f"{method} {address}"
        assert answer.location.startswith("/login?next="), f"{method} {address}"


def test_every_page_that_changes_something_is_closed_to_read_only_operators(
    app: Any, engine: Engine
) -> None:
    operator(engine, role=Role.READ_ONLY)
    client = app.test_client()
    log_in(client)
    for role, method, address in _changing_pages(app):
        assert role is Role.FULL, f"{method} {address}"
        assert client.open(address, method=method).status_code == 403, f"{method} {address}"


def test_every_page_that_changes_something_takes_no_form_without_its_token(
    app: Any, engine: Engine
) -> None:
    operator(engine)
    client = app.test_client()
    log_in(client)
    for _, method, address in _changing_pages(app):
        assert client.open(address, method=method).status_code == 400, f"{method} {address}"
