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
from shared.accounts.credentials import Credential
from shared.database.engine import begin
from shared.errors import SettingsError
from shared.settings import Settings
from shared.states import Scope
from tests.support.servers import postgres
from worker.cli import main
from worker.doctor import servers
from worker.doctor.findings import Status

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


def _expiry(engine: Engine, value: str) -> float | None:
    """Days until this token expires."""
    with begin(engine) as session:
        return session.scalar(
            text(
                "SELECT CAST(extract(epoch FROM expires_at - now()) / 86400 AS float8)"
                " FROM api_tokens WHERE token_hash = :hash"
            ),
            {"hash": access_tokens.hash_of(value)},
        )


def _age(engine: Engine, value: str, days: int) -> None:
    with begin(engine) as session:
        session.execute(
            text(
                "UPDATE api_tokens SET expires_at = expires_at - make_interval(days => :days),"
                " last_used_at = now() WHERE token_hash = :hash"
            ),
            {"days": days, "hash": access_tokens.hash_of(value)},
        )


def _credential(engine: Engine, value: str) -> Credential | None:
    with begin(engine) as session:
        return access_tokens.look_up(session, value)


@pytest.mark.parametrize(("arguments", "days"), [([], 365), (["--days", "7"], 7)])
def test_a_token_expires(run: Run, engine: Engine, arguments: list[str], days: int) -> None:
    made = run("token", "create", "--name", "erp", "--scope", "jobs:read", *arguments)
    value = made.stdout.strip()
    assert "It expires on 2" in made.stderr
    assert _expiry(engine, value) == pytest.approx(days, abs=0.1)
    assert _credential(engine, value) is not None
    assert "\texpires 2" in run("token", "list").stdout

    _age(engine, value, days)

    assert _credential(engine, value) is None
    assert "\texpired 2" in run("token", "list").stdout


def test_a_token_can_be_made_to_last(run: Run, engine: Engine) -> None:
    made = run("token", "create", "--name", "erp", "--scope", "jobs:read", "--days", "0")
    assert "It expires never" in made.stderr
    assert _expiry(engine, made.stdout.strip()) is None
    assert _credential(engine, made.stdout.strip()) is not None


def test_a_rotation_leaves_no_gap_and_keeps_the_credential(run: Run, engine: Engine) -> None:
    """The idempotency keys of a client belong to its credential, so this must stay the same."""
    old = run("token", "create", "--name", "erp", "--scope", "jobs:write").stdout.strip()
    newer = run("token", "rotate", "erp").stdout.strip()
    newest = run("token", "rotate", "erp", "--overlap-hours", "1", "--days", "30").stdout.strip()

    assert len({old, newer, newest}) == 3
    found = [_credential(engine, value) for value in (old, newer, newest)]
    assert found[0] is not None
    assert found == [found[0]] * 3
    assert _expiry(engine, old) == pytest.approx(1, abs=0.1)
    assert _expiry(engine, newer) == pytest.approx(1 / 24, abs=0.01)
    assert _expiry(engine, newest) == pytest.approx(30, abs=0.1)
    assert [row[1] for row in _audit(engine)] == ["token_created", *["token_rotated"] * 2]

    _age(engine, old, 1)
    assert _credential(engine, old) is None
    assert _credential(engine, newest) is not None

    assert run("token", "revoke", "erp").exit_code == 0
    assert [_credential(engine, value) for value in (newer, newest)] == [None, None]


def test_the_doctor_names_a_token_in_use_before_it_expires(run: Run, engine: Engine) -> None:
    value = run("token", "create", "--name", "erp", "--scope", "jobs:write").stdout.strip()
    run("token", "create", "--name", "unused", "--scope", "jobs:write", "--days", "3")
    assert [finding.status for finding in servers.tokens(engine)] == [Status.OK]

    _age(engine, value, 355)

    (finding,) = servers.tokens(engine)
    assert finding.status is Status.WARN
    assert "erp expires on 2" in finding.message
    assert "unused" not in finding.message
    assert "routecard token rotate erp" in finding.remedy


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rotate", "nobody"], 1, "nobody"),
        (["create", "--name", "x", "--scope", "jobs:read", "--days", "-1"], 2, "--days"),
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
    assert "ada\tread-only\tenabled\tnever logged in" in run("user", "list").stdout
    assert run("user", "passwd", "ada", input="a longer password\n").exit_code == 0
    with begin(engine) as session:
        secret = operators.secret_of(session, "ada")
    assert operators.verify(secret, "a longer password")
    assert not operators.verify(secret, "a long password")
    assert [row[1] for row in _audit(engine)] == ["operator_added", "operator_changed"]


def test_a_short_password_makes_no_account(run: Run) -> None:
    refused = run("user", "add", "ada", input="short\n")
    assert refused.exit_code == 1
    assert "at least 10" in refused.stderr
    assert run("user", "list").stdout == ""


def test_an_account_may_only_read_unless_its_maker_says_more(run: Run) -> None:
    run("user", "add", "ada", input="a long password\n")
    run("user", "add", "bob", "--role", "full", input="a long password\n")
    assert [line.split("\t")[:2] for line in run("user", "list").stdout.splitlines()] == [
        ["ada", "read-only"],
        ["bob", "full"],
    ]


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
