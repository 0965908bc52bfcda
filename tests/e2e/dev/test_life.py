"""Start, stop, start again: no process is left, and data is kept, or dropped with ``--fresh``."""

import json
import os
import signal
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers.stack import READY_SECONDS, Stack, routecard
from tests.support.waiting import eventually


def nothing_is_left(stack: Stack) -> bool:
    """Whether every process ever seen under the stack has ended."""
    assert not (left := stack.left_over()), left
    return True


def test_it_is_ready_within_twenty_seconds_and_every_log_line_names_its_program(
    running: Stack,
) -> None:
    seconds = float(running.output.split("Routecard is ready, after ")[1].split(" s.")[0])
    rivals = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # who else wants the processors
    assert seconds < 20 * rivals

    logged = running.output.split("Routecard is ready")[0].splitlines()
    programs = {line.split("|")[0].strip() for line in logged if line}
    assert programs
    assert programs <= {"postgres", "valkey", "migrate", "simulator", "api", "worker", "beat"}
    assert [line for line in logged if line and " | " not in line] == []


def test_a_second_stack_in_the_same_folder_is_refused(running: Stack) -> None:
    result = routecard("dev", **running.settings)

    assert result.returncode == 2
    assert "A `routecard dev` is running in" in result.stderr
    assert running.is_whole()


def test_commands_find_the_embedded_servers_through_the_home(running: Stack) -> None:
    result = routecard("migrate", ROUTECARD_HOME=str(running.home))

    assert result.returncode == 0, result.stderr
    assert "The database is up to date." in result.stdout


def test_addresses_and_keys_are_readable_by_their_owner_alone(running: Stack) -> None:
    for name in ("embedded.json", "secret-key", "valkey/valkey.conf"):
        mode = stat.S_IMODE((running.home / name).stat().st_mode)
        assert mode == 0o600, name
    password = json.loads((running.home / "embedded.json").read_text())["REDIS_URL"].split("@")[0]
    assert password.removeprefix("redis://:") not in running.output


def test_a_taken_port_is_named_with_its_setting_before_anything_starts(new_stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", new_stack.simulator_port)):
        result = routecard("dev", **new_stack.settings)

    assert result.returncode == 2
    assert f"Port {new_stack.simulator_port} is taken" in result.stderr
    assert "ROUTECARD_SIMULATOR_PORT" in result.stderr
    assert not (new_stack.home / "postgres").exists()


def test_data_survives_a_stop_and_fresh_starts_empty(new_stack: Stack) -> None:
    new_stack.start_and_wait()
    job = new_stack.post("/api/jobs", {"name": "KEPT", "goalQuantity": 1}).json()
    assert new_stack.stop() == 0

    new_stack.start_and_wait()
    assert new_stack.get(f"/api/jobs/{job['id']}")["name"] == "KEPT"
    new_stack.send(signal.SIGINT)
    assert new_stack.wait() == 0
    eventually(lambda: nothing_is_left(new_stack), within=5)

    new_stack.start_and_wait("--fresh")
    assert new_stack.get("/api/jobs") == []


def test_nothing_outlives_a_killed_console_and_the_folder_is_free_again(new_stack: Stack) -> None:
    new_stack.start_and_wait()

    new_stack.send(signal.SIGKILL)

    new_stack.wait()
    eventually(lambda: nothing_is_left(new_stack), within=40)
    new_stack.start_and_wait()


def test_named_servers_are_used_and_none_are_started(running: Stack, new_stack: Stack) -> None:
    known = json.loads((running.home / "embedded.json").read_text())
    new_stack.settings |= {
        "DATABASE_URL": known["DATABASE_URL"],
        "REDIS_URL": known["REDIS_URL"].removesuffix("/0") + "/1",
        "JIRA_BASE_URL": running.jira_url,
        "JIRA_EMAIL": "dev@routecard.example",
        "JIRA_API_TOKEN": "simulator-token",
    }
    new_stack.start_and_wait()

    assert new_stack.programs() == {"migrate", "api", "worker", "beat"}
    job = running.post("/api/jobs", {"name": "SEEN BY BOTH", "goalQuantity": 1}).json()
    assert new_stack.get(f"/api/jobs/{job['id']}")["name"] == "SEEN BY BOTH"


def test_a_program_that_does_not_come_up_is_named_with_its_last_lines(new_stack: Stack) -> None:
    closed = "postgresql://someone:hush-hush@127.0.0.1:9/nowhere"
    new_stack.settings["DATABASE_URL"] = closed
    new_stack.start()

    assert new_stack.process is not None
    assert new_stack.process.wait(READY_SECONDS) == 1
    assert "migrate did not get ready" in new_stack.output
    assert "migrate.log" in new_stack.output
    assert "hush-hush" not in new_stack.output
    nothing_is_left(new_stack)


def modes(folder: Path) -> dict[Path, int]:
    """The permissions of everything in a folder."""
    return {path: stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


def test_a_home_is_its_owners_alone_and_no_folder_above_it_changes_its_mode(
    new_stack: Stack,
) -> None:
    above = [folder for folder in new_stack.home.parents if folder.stat().st_uid == os.geteuid()]
    before = {folder: folder.stat().st_mode for folder in above}
    assert stat.S_IMODE(new_stack.home.parent.stat().st_mode) == 0o700
    new_stack.start_and_wait()

    assert {folder: folder.stat().st_mode for folder in above} == before
    assert stat.S_IMODE(new_stack.home.stat().st_mode) == 0o700
    logs = modes(new_stack.home / "logs")
    assert len(logs) >= 6
    assert set(logs.values()) == {0o600}
    readable = [p for p, mode in modes(new_stack.home).items() if mode & 0o077]
    assert [path for path in readable if not path.is_symlink()] == []
    data = (new_stack.home / "postgres").resolve()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_no_password_is_in_the_list_of_processes(running: Stack) -> None:
    known = json.loads((running.home / "embedded.json").read_text())
    password = urlsplit(known["REDIS_URL"]).password
    assert password
    lines = [" ".join(process.cmdline()) for process in running.processes() if process.is_running()]
    assert any("valkey" in line for line in lines)
    assert not [line for line in lines if password in line]
