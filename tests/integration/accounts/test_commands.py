"""`routecard token`, `routecard user`, and a server that refuses to listen without a token."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr
from sqlalchemy import Engine, text

from api.app import create_app
from shared.accounts import operators
from shared.accounts import tokens as access_tokens
from shared.database.engine import begin
from shared.errors import SettingsError
from shared.settings import Settings
from shared.states import Scope
from tests.support.servers import postgres
from worker.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of `routecard` on the test's database."""
    monkeypatch.setenv("DATABASE_URL", dsn.replace("+psycopg", ""))
    monkeypatch.setenv("REDIS_URL", redis_url)

    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(main, arguments, **options)

    return run


def _audit(engine: Engine) -> list[tuple[str, str, str]]:
    with begin(engine) as session:
        rows = session.execute(
            text("SELECT actor_kind, action, subject FROM audit_events ORDER BY id")
        )
        return [tuple(row) for row in rows]


def test_a_token_is_printed_alone_once_and_works(run: Run, engine: Engine) -> None:
    made = run("token", "create", "--name", "erp", "--scope", "jobs:read", "--scope", "jobs:write")
    assert made.exit_code == 0
    value = made.stdout.removesuffix("\n")
    assert made.stdout.count("\n") == 1
    assert access_tokens.well_formed(value)
    with begin(engine) as session:
        held = access_tokens.look_up(session, value)
    assert held is not None
    assert (held.name, held.scopes) == ("erp", {Scope.JOBS_READ, Scope.JOBS_WRITE})
    listed = run("token", "list").stdout
    assert "erp" in listed
    assert "jobs:read jobs:write" in listed
    assert value not in listed
    assert _audit(engine) == [("command", "token_created", "erp")]


def test_a_revoked_token_frees_its_name_and_stays_in_the_list(run: Run, engine: Engine) -> None:
    value = run("token", "create", "--name", "erp", "--scope", "jobs:read").stdout.strip()
    assert run("token", "revoke", "erp").exit_code == 0
    with begin(engine) as session:
        assert access_tokens.look_up(session, value) is None
    assert run("token", "create", "--name", "erp", "--scope", "jobs:read").exit_code == 0
    assert run("token", "list").stdout.count("erp\t") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["create", "--name", "x"], 2, "--scope"),
        (["create", "--scope", "jobs:read"], 2, "--name"),
        (["create", "--name", "x", "--scope", "jobs:all"], 2, "jobs:all"),
        (["create", "--name", " ", "--scope", "jobs:read"], 1, "A name is 1 to 100"),
        (["create", "--name", "taken", "--scope", "jobs:read"], 1, "already"),
        (["revoke", "nobody"], 1, "nobody"),
    ],
)
def test_a_refused_token_command_says_why_and_prints_no_token(
    run: Run, arguments: list[str], code: int, words: str
) -> None:
    run("token", "create", "--name", "taken", "--scope", "jobs:read")
    refused = run("token", *arguments)
    assert refused.exit_code == code
    assert words in refused.stderr
    assert "rc_" not in refused.output


def test_a_slip_in_a_token_is_noticed_without_the_database() -> None:
    value = access_tokens.new_token()
    assert access_tokens.well_formed(value)
    slipped = value[:10] + ("0" if value[10] != "0" else "1") + value[11:]
    for wrong in (slipped, value[:-1], value.upper(), "", "rc_", value + "0", "é" * len(value)):
        assert not access_tokens.well_formed(wrong)


def test_a_password_is_read_from_standard_input_and_changes(run: Run, engine: Engine) -> None:
    assert run("user", "add", "ada", input="a long password\n").exit_code == 0
    assert run("user", "passwd", "ada", input="a longer password\n").exit_code == 0
    with begin(engine) as session:
        secret = operators.secret_of(session, "ada")
    assert operators.verify(secret, "a longer password")
    assert not operators.verify(secret, "a long password")
    assert "ada\tfull\tenabled\tnever logged in" in run("user", "list").stdout
    assert [row[1] for row in _audit(engine)] == ["operator_added", "operator_changed"]


def test_a_short_password_makes_no_account(run: Run) -> None:
    refused = run("user", "add", "ada", input="short\n")
    assert refused.exit_code == 1
    assert "at least 10" in refused.stderr
    assert run("user", "list").stdout == ""


def test_accounts_are_shut_opened_and_removed(run: Run) -> None:
    run("user", "add", "ada", "--role", "read-only", input="a long password\n")
    assert run("user", "disable", "ada").exit_code == 0
    assert "disabled" in run("user", "list").stdout
    assert run("user", "enable", "ada").exit_code == 0
    assert run("user", "remove", "ada").exit_code == 0
    assert run("user", "list").stdout == ""
    assert run("user", "remove", "ada").exit_code == 1
    assert run("user", "add", "ada", input="a long password\n").exit_code == 0


def test_a_password_that_is_no_text_is_refused_in_words(run: Run) -> None:
    refused = run("user", "add", "ada", input=b"a long \xff password\n")
    assert refused.exit_code == 1
    assert refused.stderr == "Error: A password is text in UTF-8\n"


def test_no_command_takes_a_password_as_an_argument(run: Run) -> None:
    assert run("user", "add", "ada", "a long password").exit_code == 2
    assert "password" not in run("user", "add", "--help").stdout.split("Options:")[1].lower()


def _beyond(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"host": "0.0.0.0", **changes})  # noqa: S104  must be refused


def test_a_server_for_others_does_not_start_without_a_credential(
    settings: Settings, engine: Engine
) -> None:
    with pytest.raises(SettingsError, match="routecard token create"):
        create_app(_beyond(settings), engine=engine)


def test_a_revoked_token_is_no_credential_to_start_with(settings: Settings, engine: Engine) -> None:
    with begin(engine) as session:
        access_tokens.create(session, "erp", scopes=[Scope.JOBS_READ])
        access_tokens.revoke(session, "erp")
    with pytest.raises(SettingsError, match="routecard token create"):
        create_app(_beyond(settings), engine=engine)


def test_a_server_for_others_starts_with_a_credential_and_asks_for_it(
    settings: Settings, engine: Engine
) -> None:
    with begin(engine) as session:
        access_tokens.create(session, "erp", scopes=[Scope.JOBS_READ])
    app = create_app(_beyond(settings), engine=engine)
    assert app.test_client().get("/api/jobs?limit=1").status_code == 401


def test_a_server_for_others_does_not_start_while_the_database_is_silent(
    settings: Settings,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = SecretStr(f"postgresql://nobody@127.0.0.1:{port}/none")
        started = time.monotonic()
        with pytest.raises(SettingsError, match="DATABASE_URL"):
            create_app(_beyond(settings, database_url=url))
    assert time.monotonic() - started < 45


def test_a_server_for_others_does_not_start_on_a_database_without_tables(
    settings: Settings, postgres_uri: str
) -> None:
    url = SecretStr(postgres.dsn(postgres_uri, "postgres").replace("+psycopg", ""))
    with pytest.raises(SettingsError, match="routecard migrate"):
        create_app(_beyond(settings, database_url=url))
