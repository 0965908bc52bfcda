"""The life of a development stack: check, start in order, watch, stop."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from shared.errors import AppError, SettingsError
from shared.settings import Settings
from worker.dev import ready
from worker.dev.home import Home
from worker.dev.logs import Screen
from worker.dev.programs import Plan
from worker.dev.supervision import EXITED, FAILING, FATAL, Supervisor
from worker.embedded.valkey import is_free

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 60.0
_ORPHANS_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 0.5
_ONE_WISH_SECONDS: Final = 0.5
_STOP_ORDER: Final = (("beat", "worker", "api", "migrate"), ("simulator", "valkey", "postgres"))
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotReadyError(AppError):
    """A part of the stack did not come up."""

    code = "not_ready"


class _StopAskedError(Exception):
    """Somebody wants the stack to end before it is up."""


class Requests:
    """Counts the signals that ask for an end: the first is orderly, a second is at once.

    One wish may come as two signals in a moment, to us as a member of a group and from `make`.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = 0.0

    def __call__(self, _number: int, _frame: Any) -> None:
        now = time.monotonic()
        self.count += now - self._last > _ONE_WISH_SECONDS
        self._last = now


def run(settings: Settings, *, fresh: bool) -> int:
    """Run until asked to stop; the exit code of the command. Raises AppError with the reason."""
    home = Home.of(settings)
    with home.lock() as lock, _listening() as requests:
        if fresh:
            home.empty()
        home.make_folders()
        plan = Plan.of(settings, home)
        check_ports(plan)
        plan.prepare()
        stack = Stack(plan, requests)
        return stack.run(lock)


@contextmanager
def _listening() -> Iterator[Requests]:
    requests = Requests()
    former = {number: signal.signal(number, requests) for number in _STOP_SIGNALS}
    try:
        yield requests
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def check_ports(plan: Plan) -> None:
    """Raises SettingsError that names the first port that is not ours to take, and its setting."""
    wanted = plan.ports()
    for setting, (host, port) in wanted.items():
        if not is_free(port, host):
            raise SettingsError(
                f"Port {port} is taken by another program: stop it, or set {setting} to a free one."
            )
    if len(set(wanted.values())) < len(wanted):
        raise SettingsError(f"{' and '.join(wanted)} name the same port: set one to another.")


class Stack:
    """A supervisor with its programs, and the screen that shows them."""

    def __init__(self, plan: Plan, requests: Requests) -> None:
        self._plan = plan
        self._requests = requests
        self._asked = 0
        programs = plan.programs()
        self._names = [program.name for program in programs]
        self._supervisor = Supervisor(programs, run=plan.home.run, logs=plan.home.logs)
        self._screen = Screen(self._names, plan.home.logs)

    def run(self, lock: Any) -> int:
        """Start, watch, and stop whatever happens in between."""
        begun = time.monotonic()
        self._screen.start()
        try:
            self._supervisor.start(self._plan.environment(), lock=lock)
            self._bring_up()
            self._screen.say(_welcome(self._plan, time.monotonic() - begun))
            self._watch()
        except _StopAskedError:
            pass
        finally:
            self._stop()
        return 0

    def _bring_up(self) -> None:
        self._until(lambda: bool(self._supervisor.statuses()))
        self._await("postgres", ready.database_is_ready)
        self._await("valkey", ready.broker_is_ready)
        self._supervisor.start_program("migrate")
        self._await("migrate", self._migrated)
        for name in ("api", "worker", "beat"):
            self._supervisor.start_program(name)
        self._await("simulator", ready.simulator_is_ready)
        self._await("api", ready.api_is_ready)

    def _until(self, over: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not over():
            if time.monotonic() > deadline:
                raise NotReadyError(f"The supervisor does not answer: see {self._plan.home.logs}.")
            self._breathe()

    def _migrated(self, _plan: Plan) -> str | None:
        status = self._supervisor.statuses().get("migrate")
        if status is None or status.state != EXITED:
            return "still running"
        if status.exit_status:
            raise NotReadyError(self._failure("migrate", f"it ended with {status.exit_status}"))
        return None

    def _await(self, name: str, check: Callable[[Plan], str | None]) -> None:
        """Wait until the check has nothing to say, or the program is given up."""
        if name not in self._names:
            return
        deadline = time.monotonic() + _READY_SECONDS
        while (reason := self._hindrance(name, check)) is not None:
            if time.monotonic() > deadline:
                raise NotReadyError(self._failure(self._culprit() or name, reason))
            self._breathe()

    def _hindrance(self, name: str, check: Callable[[Plan], str | None]) -> str | None:
        status = self._supervisor.statuses().get(name)
        if status is None:
            return "the supervisor does not answer"
        if status.state == FATAL:
            raise NotReadyError(self._failure(name, "it does not start"))
        return check(self._plan)

    def _culprit(self) -> str | None:
        """A program that fails to stay up, which may be why another is not ready."""
        states = self._supervisor.statuses().values()
        return next((status.name for status in states if status.state in FAILING), None)

    def _watch(self) -> None:
        while True:
            for name in self._supervisor.end_orphans():
                self._screen.say(f"{name} ended and is started again.")
            until = time.monotonic() + _WATCH_SECONDS
            while time.monotonic() < until:
                self._breathe()

    def _breathe(self) -> None:
        """A short pause. Raises where there is nothing more to wait for."""
        if self._requests.count or self._screen.broken:
            raise _StopAskedError
        if not self._supervisor.alive:
            raise NotReadyError(f"The supervisor ended: see {self._plan.home.logs}.")
        time.sleep(_PAUSE_SECONDS)

    def _stop(self) -> None:
        """Stop in order; a second request, or the end of all patience, kills what is left."""
        self._screen.say("Stopping …")
        self._asked = self._requests.count
        for wave in _STOP_ORDER:
            self._stop_wave([name for name in wave if name in self._names])
        self._supervisor.stop()
        # Without its supervisor a program has had its signal already; pid 1 may not reap it here.
        patience = _STOP_SECONDS if self._supervisor.alive else _ORPHANS_SECONDS
        self._wait(lambda: not self._supervisor.busy, seconds=patience)
        self._supervisor.kill()
        self._screen.finish()

    def _stop_wave(self, names: list[str]) -> None:
        """Stop several at once: the supervisor by itself would stop one after the other."""
        for name in names:
            self._supervisor.stop_program(name)
        self._wait(lambda: not self._supervisor.running(names), seconds=_STOP_SECONDS)

    def _wait(self, over: Callable[[], bool], *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not over() and time.monotonic() < deadline and self._requests.count == self._asked:
            time.sleep(_PAUSE_SECONDS)

    def _failure(self, name: str, reason: str) -> str:
        log = self._plan.home.logs / f"{name}.log"
        lines = "\n".join(f"  {line}" for line in self._screen.last_lines(name))
        return f"{name} did not get ready: {reason}\nIts last lines ({log}):\n{lines}"


def _welcome(plan: Plan, seconds: float) -> str:
    project = plan.settings.jira_project[0] if plan.settings.jira_project else "PI"
    ticket = "PI-42" if plan.simulated else f"{project}-1"
    body = f'{{"name":"JOB-1","goalQuantity":5,"jiraTicketKey":"{ticket}"}}'
    kind = "simulated" if plan.simulated else "yours"
    return f"""
Routecard is ready, after {seconds:.1f} s. Ctrl-C stops it.

  Dashboard  {plan.api_url}/
  API        {plan.api_url}/docs
  Jira       {plan.jira_url} ({kind})
  Data       {plan.home.path}

Create a job that names a ticket, then read it back filled:

  curl -X POST {plan.api_url}/api/jobs -H 'Content-Type: application/json' -d '{body}'
  curl '{plan.api_url}/api/jobs?limit=1'
"""
