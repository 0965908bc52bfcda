"""The life of a development stack: check, start stage by stage, keep running, stop."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from shared.accounts.exposure import open_mode_possible
from shared.errors import AppError
from shared.settings import Settings
from worker.dev.home import Home
from worker.dev.logs import Screen
from worker.dev.plan import Plan
from worker.dev.processes import ChildProcess

_READY_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.1
_SAME_REQUEST_SECONDS: Final = 0.5
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotReadyError(AppError):
    """A program of the stack did not become ready."""

    code = "not_ready"


class _StopRequested(Exception):  # noqa: N818  a request, not an error
    """A signal to stop the stack came, or its terminal was closed."""


class StopRequests:
    """Counts the signals that ask for a stop: the first stops in order, a second kills.

    One Ctrl-C can arrive as two signals within a moment: one for the process group and one that
    `make` passes on. They count once.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = 0.0

    def __call__(self, _number: int, _frame: Any) -> None:
        now = time.monotonic()
        self.count += now - self._last > _SAME_REQUEST_SECONDS
        self._last = now


def run(settings: Settings, *, fresh: bool) -> int:
    """Run until a signal to stop; returns the exit code. Raises AppError with the reason."""
    os.umask(0o077)  # logs, locks and sockets are their owner's alone
    home = Home.of(settings)
    with home.lock() as lock, _handling_signals() as requests:
        if fresh:
            home.empty()
        home.make_folders()
        plan = Plan.of(settings, home)
        plan.prepare()
        return Stack(plan, requests, lock).run()


@contextmanager
def _handling_signals() -> Iterator[StopRequests]:
    requests = StopRequests()
    former = {number: signal.signal(number, requests) for number in _STOP_SIGNALS}
    try:
        yield requests
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class Stack:
    """The child processes by stage, and the screen that shows their logs."""

    def __init__(self, plan: Plan, requests: StopRequests, lock: IO[str]) -> None:
        self._plan = plan
        self._requests = requests
        environment = plan.environment()
        self._stages = [
            [ChildProcess(p, home=plan.home, environment=environment, lock=lock) for p in stage]
            for stage in plan.stages()
        ]
        self._children = [child for stage in self._stages for child in stage]
        self._screen = Screen([child.name for child in self._children], plan.home.logs)

    def run(self) -> int:
        """Start everything, keep it running, and stop it, whatever happens."""
        begun = time.monotonic()
        try:
            for stage in self._stages:
                self._start(stage)
            self._screen.say(_welcome(self._plan, time.monotonic() - begun))
            while True:
                self._tick()
        except _StopRequested:
            return 0
        finally:
            self._stop()

    def _start(self, stage: list[ChildProcess]) -> None:
        for child in stage:
            child.start()
        for child in stage:
            deadline = time.monotonic() + _READY_SECONDS
            while (reason := self._not_ready(child)) is not None:
                if time.monotonic() > deadline:
                    failing = max(self._children, key=lambda one: one.failures)
                    raise self._failure(failing if failing.failures else child, reason)
                self._tick()

    def _not_ready(self, child: ChildProcess) -> str | None:
        if child.program.restart:
            return child.program.check()
        if child.exit_status:
            raise self._failure(child, f"it ended with exit status {child.exit_status}")
        return "it is still running" if child.running else None

    def _failure(self, child: ChildProcess, reason: str) -> NotReadyError:
        time.sleep(2 * _PAUSE_SECONDS)  # its last lines reach the screen
        lines = "\n".join(f"  {line}" for line in self._screen.last_lines(child.name))
        return NotReadyError(
            f"{child.name} did not get ready: {reason}\nIts last lines ({child.log}):\n{lines}"
        )

    def _tick(self) -> None:
        """Restart what has ended and pause. Raises _StopRequested."""
        if self._requests.count or self._screen.broken:
            raise _StopRequested
        for child in self._children:
            child.restart_if_ended()
        time.sleep(_PAUSE_SECONDS)

    def _stop(self) -> None:
        """Stop the stages in reverse; a program that takes too long is killed.

        Another request to stop kills what is left at once.
        """
        self._screen.say("Stopping …")
        requested = self._requests.count
        for stage in reversed(self._stages):
            for child in stage:
                child.stop()
            deadline = time.monotonic() + max(c.program.stop_seconds for c in stage)
            while (
                any(child.running for child in stage)
                and time.monotonic() < deadline
                and self._requests.count == requested
            ):
                time.sleep(_PAUSE_SECONDS)
            for child in stage:
                child.kill()
        self._plan.home.forget_proof()
        self._screen.finish()


def _access(settings: Settings) -> str:
    if not open_mode_possible(settings, under_dev=True):
        return "credentials are required"
    return "open to this machine while no token and no operator exists"


def _welcome(plan: Plan, seconds: float) -> str:
    project = next(iter(plan.settings.allowed_projects), "PI")
    ticket = "PI-42" if plan.simulated else f"{project}-1"
    body = f'{{"name":"JOB-1","goalQuantity":5,"jiraTicketKey":"{ticket}"}}'
    kind = "simulated" if plan.simulated else "yours"
    return f"""
Routecard is ready, after {seconds:.1f} s. Ctrl-C stops it.

  Dashboard  {plan.api_url}/
  API        {plan.api_url}/docs
  Jira       {plan.jira_url} ({kind})
  Data       {plan.home.path}
  Access     {_access(plan.settings)}

Create a job that names a ticket, then read it back filled:

  curl -X POST {plan.api_url}/api/jobs -H 'Content-Type: application/json' -d '{body}'
  curl '{plan.api_url}/api/jobs?limit=1'
"""
