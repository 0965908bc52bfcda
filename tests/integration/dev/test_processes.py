"""Child processes of a stack: started, restarted, stopped in order, killed if they do not stop."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import IO

import psutil
import pytest

from shared.settings import Settings
from tests.support.waiting import eventually
from worker.dev.home import Home
from worker.dev.plan import Plan
from worker.dev.processes import ChildProcess, Program
from worker.dev.stack import NotReadyError, Stack, StopRequests


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with its folders."""
    home = Home(tmp_path)
    home.make_folders()
    return home


@pytest.fixture
def lock(home: Home) -> Iterator[IO[str]]:
    """The lock of the home."""
    with home.lock() as lock:
        yield lock


def shell(name: str, script: str, *, restart: bool = True, stop_seconds: float = 10.0) -> Program:
    """A program that is a shell script."""
    command = ("/bin/sh", "-c", script)
    return Program(name=name, command=command, restart=restart, stop_seconds=stop_seconds)


def child_of(home: Home, lock: IO[str], program: Program) -> ChildProcess:
    """A started child process."""
    child = ChildProcess(program, home=home, environment=dict(os.environ), lock=lock)  # noqa: TID251  a child's
    child.start()
    return child


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedPlan(Plan):
    """A plan of other programs."""

    scripted: list[list[Program]] = field(default_factory=list)

    def stages(self) -> list[list[Program]]:
        return self.scripted


def stack_of(
    home: Home, lock: IO[str], stages: list[list[Program]], requests: StopRequests
) -> Stack:
    """A stack of these programs, not started."""
    settings = Settings(jira_base_url="http://127.0.0.1:1")
    plan = ScriptedPlan(home=home, settings=settings, postgres=None, valkey=None, scripted=stages)
    return Stack(plan, requests, lock)


def test_a_command_is_run_with_the_watch_and_its_arguments_as_they_are() -> None:
    command = ("/bin/db", "-D", "/a b/c", "100%")
    program = Program(name="database", command=command, stop_signal=signal.SIGINT)

    line = program.command_line()

    assert line[2].endswith("parent_watch.py")
    assert line[3:] == [str(int(signal.SIGINT)), "-", *command]


def test_a_program_that_ends_is_started_again_and_its_log_says_so(
    home: Home, lock: IO[str]
) -> None:
    child = child_of(home, lock, shell("short", "echo up; exit 3"))

    def restarted() -> bool:
        child.restart_if_ended()
        assert child.log.read_text().count("up\n") >= 2
        return True

    eventually(restarted, within=10)
    child.kill()

    assert "short ended with exit status 3: restarting\n" in child.log.read_text()
    assert child.failures >= 1


def test_a_program_that_runs_once_is_not_started_again(home: Home, lock: IO[str]) -> None:
    child = child_of(home, lock, shell("once", "echo up", restart=False))
    eventually(lambda: not child.running)

    child.restart_if_ended()

    assert child.exit_status == 0
    assert child.log.read_text() == "up\n"


def test_what_an_ended_program_started_ends_with_it(home: Home, lock: IO[str]) -> None:
    child = child_of(home, lock, shell("pool", "sleep 60 & echo $!; exit 1"))
    eventually(lambda: not child.running)
    left_behind = psutil.Process(int(child.log.read_text()))

    child.restart_if_ended()

    eventually(lambda: not left_behind.is_running() or left_behind.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("restart", [True, False])
def test_the_group_of_an_ended_program_is_killed_once_since_its_number_may_be_used_again(
    home: Home, lock: IO[str], monkeypatch: pytest.MonkeyPatch, *, restart: bool
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _signal: killed.append(group))
    child = child_of(home, lock, shell("pool", "echo $$; exit 1", restart=restart))
    eventually(lambda: not child.running)

    child.restart_if_ended()
    child.restart_if_ended()
    child.kill()

    assert killed == [int(child.log.read_text().split()[0])]


def test_stages_stop_in_the_reverse_of_the_order_they_start_in(home: Home, lock: IO[str]) -> None:
    order = home.path / "order"

    def script(name: str) -> Program:
        end = f"trap 'echo stop {name} >>{order}; exit' TERM"
        return shell(name, f"{end}; echo start {name} >>{order}; while :; do sleep 0.05; done")

    requests = StopRequests()
    stack = stack_of(home, lock, [[script("first")], [script("second")]], requests)
    Timer(1.0, requests, (signal.SIGINT, None)).start()

    assert stack.run() == 0

    lines = order.read_text().splitlines()
    assert lines[-2:] == ["stop second", "stop first"]
    assert sorted(lines[:2]) == ["start first", "start second"]


def test_a_second_request_kills_what_does_not_stop(home: Home, lock: IO[str]) -> None:
    requests = StopRequests()
    stubborn = shell("stubborn", "trap '' TERM; while :; do sleep 0.05; done", stop_seconds=60)
    stack = stack_of(home, lock, [[stubborn]], requests)
    for seconds in (0.5, 1.5):
        Timer(seconds, requests, (signal.SIGINT, None)).start()
    begun = time.monotonic()

    assert stack.run() == 0

    assert time.monotonic() - begun < 30


def test_a_program_that_must_end_well_first_is_named_when_it_fails(
    home: Home, lock: IO[str]
) -> None:
    stages = [[shell("once", "echo broken; exit 4", restart=False)]]
    stack = stack_of(home, lock, stages, StopRequests())

    with pytest.raises(NotReadyError, match=r"(?s)once did not get ready.*status 4.*broken"):
        stack.run()
