"""Access to the dashboard: login, lock-out, roles, CSRF, sessions that end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import render_template_string
from sqlalchemy import Engine, text

from api.auth.bearer import current_actor
from api.auth.sessions import ROLE_ATTRIBUTE, require_operator
from shared.accounts import login, operators
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


def test_guessing_at_a_name_locks_it_out_even_for_the_right_password(
    app: Any, engine: Engine
) -> None:
    operator(engine)
    client = app.test_client()
    statuses = [log_in(client, password=f"guess number {i}").status_code for i in range(6)]
    assert statuses == [403] * 5 + [429]
    answer = log_in(client)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= login.FIRST_LOCK_SECONDS
    assert "Too many failed logins" in answer.text


def test_the_lock_out_doubles_with_each_further_guess_up_to_its_longest(engine: Engine) -> None:
    operator(engine)
    seconds = []
    for _ in range(14):
        with pytest.raises(login.BadLoginError):
            login.log_in(engine, "ada", password="a wrong guess", address="10.0.0.1")
        with begin(engine) as session:
            guess = session.get_one(LoginFailures, "name:ada")
            if guess.locked_until is not None:
                seconds.append(round((guess.locked_until - guess.last_at).total_seconds()))
            session.execute(text("UPDATE login_failures SET locked_until = NULL"))
    assert seconds == [30, 60, 120, 240, 480, 900, 900, 900, 900, 900]


def test_guessing_at_many_names_locks_out_only_that_address(engine: Engine) -> None:
    operator(engine)
    for number in range(login.FREE_GUESSES["address"]):
        with pytest.raises(login.BadLoginError):
            login.log_in(engine, f"name{number}", password="a guess", address="10.0.0.1")
    with pytest.raises(login.LockedOutError):
        login.log_in(engine, "ada", password=PASSWORD, address="10.0.0.1")
    assert login.log_in(engine, "ada", password=PASSWORD, address="10.0.0.2").name == "ada"


def test_a_subscribers_whole_ipv6_network_counts_as_one_address() -> None:
    assert login.network_of("2001:db8:1:2:3::4") == login.network_of("2001:db8:1:2:ffff::1")
    assert login.network_of("2001:db8:1:3::4") != login.network_of("2001:db8:1:2::4")
    assert login.network_of("not an address") == "unknown"


def test_a_success_forgives_the_name_but_not_other_guesses_from_its_address(
    engine: Engine,
) -> None:
    operator(engine)
    for name in ("ada", "eve"):
        with pytest.raises(login.BadLoginError):
            login.log_in(engine, name, password="a wrong guess", address="10.0.0.1")
    login.log_in(engine, "ada", password=PASSWORD, address="10.0.0.1")
    with begin(engine) as session:
        left = {g.subject: g.failures for g in session.query(LoginFailures)}
    assert left == {"address:10.0.0.1": 2, "name:eve": 1}


def test_many_guesses_at_once_gain_nothing(engine: Engine) -> None:
    operator(engine)

    def guess(number: int) -> str:
        try:
            login.log_in(engine, "ada", password=f"guess {number}", address=f"10.0.0.{number}")
        except (login.BadLoginError, login.LockedOutError) as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(24)))
    assert outcomes.count("bad_login") == login.FREE_GUESSES["name"]
    assert outcomes.count("locked_out") == 24 - login.FREE_GUESSES["name"]


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


@pytest.mark.parametrize("change", ["password", "disabled", "removed"])
def test_sessions_end_with_the_password_and_with_the_account(
    app: Any, engine: Engine, change: str
) -> None:
    operator(engine)
    client = app.test_client()
    log_in(client)
    assert client.get("/page").status_code == 200
    with begin(engine) as session:
        if change == "password":
            operators.set_password(session, "ada", password="another long one")
        elif change == "disabled":
            operators.set_disabled(session, "ada", disabled=True)
        else:
            operators.remove(session, "ada")
    assert client.get("/page").status_code == 303
    assert log_in(client).status_code == 403


def test_logging_out_ends_the_session_and_takes_a_token_too(app: Any, engine: Engine) -> None:
    operator(engine)
    client = app.test_client()
    log_in(client)
    token = csrf_token(client.get("/page").text)
    assert client.post("/logout").status_code == 400
    assert client.get("/page").status_code == 200
    assert client.post("/logout", data={"csrf_token": token}).location == "/login"
    assert client.get("/page").status_code == 303


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
    found = [page for page in _pages(app) if page[1] not in ("GET", "HEAD")]
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
