"""Sessions of operators end on the server: by logging out, by time, from the list, by a change."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from shared.accounts import login, operators, sessions
from shared.accounts.login import Client
from shared.database.engine import begin
from shared.models import OperatorSession
from shared.settings import Settings
from shared.states import Role
from tests.dsl import PASSWORD, application, csrf_token, log_in, operator
from tests.support.waiting import eventually
from worker.cli import main
from worker.maintenance.prune import prune
from worker.runtime import Runtime

COOKIE = "routecard_session"


@pytest.fixture
def app(settings: Settings, engine: Engine) -> Iterator[Any]:
    """The application as `routecard api` serves it."""
    with application(settings, engine, under_dev=False) as app:
        yield app


@pytest.fixture
def client(app: Any, engine: Engine) -> FlaskClient:
    """A browser in which ada has logged in."""
    operator(engine)
    return entered(app)


def entered(app: Any, **headers: str) -> FlaskClient:
    """Another browser in which ada has logged in."""
    client = app.test_client()
    assert log_in(client, headers=headers).status_code == 303
    return client


def copied(app: Any, client: FlaskClient) -> FlaskClient:
    """A browser with a stolen copy of the cookie."""
    thief = app.test_client()
    thief.set_cookie(COOKIE, client.get_cookie(COOKIE).value)  # type: ignore[union-attr]  # it is set
    return thief


def alive(client: FlaskClient) -> bool:
    """Whether a page is shown, and not the login."""
    return client.get("/account").status_code == 200


def post(client: FlaskClient, address: str, **form: str) -> Any:
    """Send a form of the account's page."""
    token = csrf_token(client.get("/account").text)
    return client.post(address, data={**form, "csrf_token": token}, follow_redirects=True)


def age(engine: Engine, interval: str, *columns: str) -> None:
    """Let this much time pass for all sessions, by the database's clock."""
    changes = ", ".join(f"{column} = {column} - CAST(:passed AS interval)" for column in columns)
    with begin(engine) as session:
        session.execute(text(f"UPDATE operator_sessions SET {changes}"), {"passed": interval})


def rows(engine: Engine) -> list[OperatorSession]:
    """All sessions, oldest first."""
    with begin(engine) as session:
        return session.query(OperatorSession).order_by(OperatorSession.id).all()


def test_logging_out_ends_stolen_copies_of_the_cookie_too(app: Any, client: FlaskClient) -> None:
    thief, other = copied(app, client), entered(app)
    assert alive(thief)
    assert client.post("/logout").status_code == 400  # without the form's token nothing ends
    assert alive(client)
    assert post(client, "/logout").request.path == "/login"
    assert not alive(client)
    assert not alive(thief)
    assert alive(other)


def test_a_session_ends_twelve_hours_after_the_login_however_it_is_used(
    client: FlaskClient, engine: Engine
) -> None:
    age(engine, "11 hours 59 minutes", "created_at", "expires_at")
    assert alive(client)
    age(engine, "2 minutes", "created_at", "expires_at")
    assert not alive(client)
    assert rows(engine)[0].ended_at is None


def test_a_session_that_is_not_used_ends_after_two_hours(
    client: FlaskClient, engine: Engine
) -> None:
    age(engine, "119 minutes", "last_seen_at")
    assert alive(client)
    age(engine, "119 minutes", "last_seen_at")
    assert alive(client)
    age(engine, "121 minutes", "last_seen_at")
    assert not alive(client)


def test_each_login_has_a_new_secret_and_ends_the_session_before_it(
    app: Any, client: FlaskClient, engine: Engine
) -> None:
    before = copied(app, client)
    page = client.get("/account").text
    form = {"name": "ada", "password": PASSWORD, "csrf_token": csrf_token(page)}
    assert client.post("/login", data=form).status_code == 303
    assert not alive(before)
    assert alive(client)
    first, second = rows(engine)
    assert first.id_hash != second.id_hash
    assert first.ended_at is not None


def test_neither_the_secret_nor_the_cookie_is_stored_and_the_hash_opens_nothing(
    client: FlaskClient, engine: Engine
) -> None:
    (row,) = rows(engine)
    with begin(engine) as session:
        assert sessions.look_up(session, row.id_hash) is None
    cookie = client.get_cookie(COOKIE).value  # type: ignore[union-attr]  # it is set
    assert row.id_hash not in cookie
    assert "ada" not in cookie


def test_a_page_costs_one_statement_for_its_session_and_one_write_a_minute(
    client: FlaskClient, engine: Engine
) -> None:
    seen: list[str] = []
    event.listen(
        engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement)
    )
    assert client.get("/audit").status_code == 200
    assert len([s for s in seen if "operator_sessions" in s]) == 1
    age(engine, "61 seconds", "last_seen_at")
    seen.clear()
    for _ in range(3):
        client.get("/audit")
    assert len([s for s in seen if "UPDATE operator_sessions" in s]) == 1


def test_the_account_page_lists_sessions_and_ends_one_or_all_others(
    app: Any, client: FlaskClient, engine: Engine
) -> None:
    hostile = "<script>alert(1)</script>\u202e"
    tablet, phone, desk = (
        entered(app, **{"User-Agent": agent.encode().decode("latin-1")})
        for agent in (hostile, "Phone", "Desk" * 200)
    )
    page = client.get("/account").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert len(rows(engine)[-1].user_agent) == 255
    (own, of_tablet, *_) = (row.id for row in rows(engine))
    assert f'value="{own}"' not in page
    answer = post(client, "/account/sessions/end", id=str(of_tablet))
    assert "1 session ended." in answer.text
    assert (alive(tablet), alive(phone)) == (False, True)
    assert "2 sessions ended." in post(client, "/account/sessions/end", id="others").text
    assert [alive(each) for each in (client, phone, desk)] == [True, False, False]
    with begin(engine) as session:
        found = session.execute(text("SELECT actor, action, subject, counts FROM audit_events"))
        assert [tuple(row) for row in found if row.action == "sessions_ended"] == [
            ("ada", "sessions_ended", "ada", {"ended": 1}),
            ("ada", "sessions_ended", "ada", {"ended": 2}),
        ]


def test_nobody_ends_a_session_of_another_operator(
    app: Any, client: FlaskClient, engine: Engine
) -> None:
    operator(engine, "eve", role=Role.READ_ONLY)
    eve = app.test_client()
    log_in(eve, "eve")
    (of_ada, of_eve) = (row.id for row in rows(engine))
    for number in (str(of_ada), "9" * 40, "x", ""):
        assert "ended before" in post(eve, "/account/sessions/end", id=number).text
    assert "ended before" in post(eve, "/account/sessions/end", id="others").text
    assert alive(client)
    assert post(eve, "/account/sessions/end", id=str(of_eve)).request.path == "/login"


Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `routecard user` on the test's database."""
    monkeypatch.setenv("DATABASE_URL", dsn.replace("+psycopg", ""))
    monkeypatch.setenv("REDIS_URL", redis_url)
    return lambda *arguments, **options: CliRunner().invoke(main, ["user", *arguments], **options)


@pytest.mark.parametrize(
    "change",
    [
        (["passwd", "ada"], {"input": "another long one\n"}),
        (["role", "ada", "read-only"], {}),
        (["disable", "ada"], {}),
        (["remove", "ada"], {}),
        (["logout", "ada"], {}),
    ],
    ids=lambda change: change[0][0],
)
def test_a_change_of_an_account_ends_its_sessions_at_once(
    client: FlaskClient, run: Run, engine: Engine, change: tuple[list[str], dict[str, str]]
) -> None:
    assert alive(client)
    changed = run(*change[0], **change[1])
    assert changed.exit_code == 0, changed.output
    assert not alive(client)
    assert rows(engine)[0].ended_at is not None


def test_commands_list_and_end_the_sessions_of_an_account(
    app: Any, engine: Engine, run: Run
) -> None:
    operator(engine)
    entered(app)
    entered(app, **{"User-Agent": "Phone"})
    listed = run("sessions", "ada").stdout
    assert re.search(
        r"^\d+\tbegan \S+\tused \S+\tends \S+\t127\.0\.0\.1\tPhone$", listed, re.MULTILINE
    )
    assert len(listed.splitlines()) == 2
    assert run("logout", "ada").stdout == "ada: 2 sessions ended.\n"
    assert run("sessions", "ada").stdout == ""
    for command in ("sessions", "logout"):
        assert "Operator not found: eve" in run(command, "eve").stderr


def test_a_login_that_checked_an_old_password_begins_no_session(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator(engine)
    verify = operators.verify

    def changed_meanwhile(secret: Any, password: str) -> bool:
        right = verify(secret, password)
        with begin(engine) as session:
            operators.set_password(session, "ada", password="another long one")
        return right

    monkeypatch.setattr(operators, "verify", changed_meanwhile)
    with pytest.raises(login.BadLoginError):
        login.log_in(engine, "ada", password=PASSWORD, client=Client("10.0.0.1", ""))
    assert rows(engine) == []


def test_no_session_survives_a_logout_of_all_that_races_with_logins(engine: Engine) -> None:
    operator(engine)

    def enter(number: int) -> None:
        client = Client(f"10.0.0.{number}", "")
        try:
            login.log_in(engine, "ada", password=PASSWORD, client=client)
        except (login.BadLoginError, login.LoginBusyError):
            return

    with ThreadPoolExecutor(6) as pool:
        entering = [pool.submit(enter, number) for number in range(24)]
        eventually(lambda: rows(engine))
        with begin(engine) as session:
            operators.set_disabled(session, "ada", disabled=True)
        for each in entering:
            each.result()
    assert [row for row in rows(engine) if row.ended_at is None] == []


@pytest.mark.usefixtures("client")
def test_old_sessions_are_pruned(engine: Engine, runtime: Runtime) -> None:
    age(engine, "30 days", "expires_at")
    assert prune(runtime)["operator_sessions"] == 0
    age(engine, "13 hours", "expires_at")
    assert prune(runtime)["operator_sessions"] == 1
    assert rows(engine) == []
