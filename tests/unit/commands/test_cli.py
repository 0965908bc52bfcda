"""The command line: what it lists, what it hands on, and how it refuses."""

import ipaddress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.exposure import check_exposure
from shared.errors import SettingsError
from shared.settings import Settings, process_environment
from worker.cli import COMMANDS, main
from worker.commands.processes import api, beat, worker


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in process_environment():
        if name.startswith(("ROUTECARD_", "JIRA_", "DATABASE_URL", "REDIS_URL")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 3


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["no-such-command"])

    assert result.exit_code == 2
    assert "No such command" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_setting_ends_every_command_with_its_name_and_no_traceback(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTECARD_PORT", "many")

    result = CliRunner().invoke(main, [name])

    assert result.exit_code == 2
    assert "ROUTECARD_PORT" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_value_of_a_bad_secret_is_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://someone:hush-hush@host/name")

    result = CliRunner().invoke(main, [name])

    assert result.exit_code == 2
    assert "DATABASE_URL" in result.output
    assert "hush-hush" not in result.output


@pytest.mark.parametrize("name", ["api", "worker", "beat", "migrate"])
def test_without_a_database_the_command_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROUTECARD_HOME", str(tmp_path))

    result = CliRunner().invoke(main, [name])

    assert result.exit_code == 2
    assert "DATABASE_URL is not set" in result.output
    assert "routecard dev" in result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "shop.example.com"])  # noqa: S104  refused
def test_the_api_refuses_to_listen_beyond_loopback_without_a_token(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTECARD_HOST", host)

    result = CliRunner().invoke(main, ["api"])

    assert result.exit_code == 2
    assert f"ROUTECARD_HOST is {host}" in result.output


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    check_exposure(Settings(ROUTECARD_HOST=host))


@given(st.ip_addresses())
def test_no_address_but_loopback_is_taken_for_loopback(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    settings = Settings(ROUTECARD_HOST=str(address))
    if address.is_loopback:
        check_exposure(settings)
    else:
        with pytest.raises(SettingsError):
            check_exposure(settings)


def test_the_server_gets_threads_and_processes_from_the_settings() -> None:
    settings = Settings(ROUTECARD_API_THREADS=24, ROUTECARD_API_WORKERS=3, ROUTECARD_PORT=3456)

    line = " ".join(api.arguments(settings))

    assert "--blocking-threads 24" in line
    assert "--workers 3" in line
    assert "--host 127.0.0.1 --port 3456" in line
    assert line.endswith("api.wsgi:app")


def test_the_worker_takes_one_task_at_a_time_from_both_queues() -> None:
    line = " ".join(worker.arguments(Settings(ROUTECARD_WORKER_PROCESSES=7)))

    assert "--concurrency 7 --queues jira,internal --prefetch-multiplier 1" in line
    assert "--without-heartbeat" not in line


def test_beat_keeps_its_notes_in_the_home_and_no_pid_file(tmp_path: Path) -> None:
    line = beat.arguments(Settings(), tmp_path)

    assert str(tmp_path / "schedule") in line
    assert line[-1] == "--pidfile="
