"""The supervisor library as the one parent of all programs: its configuration and controls."""

import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from worker.dev import parent_watch
from worker.dev.programs import Program

_LOG_BYTES: Final = 5_000_000
_LOG_BACKUPS: Final = 2
# A program that ends within a second of its start is tried again after 1 s, 2 s, 3 s, …
_START_RETRIES: Final = 1000
_RPC: Final = """[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_DO_NOT_WAIT: Final = False

EXITED: Final = "EXITED"
FATAL: Final = "FATAL"
FAILING: Final = ("BACKOFF", FATAL)


@dataclass(frozen=True, slots=True)
class Status:
    """What the supervisor says of one program; ``pid`` is 0 where it does not run."""

    name: str
    state: str
    pid: int
    exit_status: int


def configuration(programs: Sequence[Program], *, socket: Path, logs: Path, password: str) -> str:
    """The supervisor's configuration file. Programs start in order and stop in the reverse."""
    parts = [
        _section(
            "supervisord",
            nodaemon="true",
            silent="true",
            logfile=_plain(logs / "supervisor.log"),
            logfile_maxbytes=_LOG_BYTES,
            logfile_backups=1,
            pidfile=_plain(socket.with_suffix(".pid")),
            **({"user": "root"} if os.geteuid() == 0 else {}),
        ),
        _section(
            "unix_http_server",
            file=_plain(socket),
            chmod="0700",
            username="routecard",
            password=password,
        ),
        _RPC,
    ]
    parts += [
        _program(program, priority=10 * place, logs=logs)
        for place, program in enumerate(programs, 1)
    ]
    return "\n".join(parts)


def _program(program: Program, *, priority: int, logs: Path) -> str:
    return _section(
        f"program:{program.name}",
        command=_plain(shlex.join(program.tethered())),
        priority=priority,
        autostart=str(program.at_once).lower(),
        autorestart=str(program.keep).lower(),
        startsecs=int(program.keep),
        startretries=_START_RETRIES if program.keep else 0,
        stopsignal=program.stop_signal.name.removeprefix("SIG"),
        stopwaitsecs=program.patience,
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=_plain(logs / f"{program.name}.log"),
        stdout_logfile_maxbytes=_LOG_BYTES,
        stdout_logfile_backups=_LOG_BACKUPS,
    )


def _section(title: str, **values: object) -> str:
    return "\n".join([f"[{title}]", *(f"{key} = {value}" for key, value in values.items()), ""])


def _plain(value: object) -> str:
    """A value as it is: the supervisor expands %(…)s."""
    return str(value).replace("%", "%%")


class Supervisor:
    """A running supervisor. It is told to stop everything if this process is killed."""

    def __init__(self, programs: Sequence[Program], *, run: Path, logs: Path) -> None:
        self.programs = programs
        self._socket = run / "supervisor.sock"
        self._file = run / "supervisor.conf"
        self._password = secrets.token_urlsafe(16)
        self._logs = logs
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: dict[str, int] = {}

    def start(self, environment: dict[str, str], *, lock: IO[str]) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches us alone.

        It holds the home's lock too: after our violent end the home is free when it has stopped.
        """
        self._socket.unlink(missing_ok=True)
        self._file.touch(mode=0o600)
        self._file.write_text(
            configuration(
                self.programs, socket=self._socket, logs=self._logs, password=self._password
            )
        )
        tied = [sys.executable, "-S", parent_watch.__file__, str(int(signal.SIGTERM)), "-"]
        server = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._file)]
        with (self._logs / "supervisor.out").open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter
                [*tied, *server],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )

    @property
    def alive(self) -> bool:
        """Whether the supervisor itself runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether it, or anything it was seen to start, still runs."""
        return self.alive or any(_signal_group(group, 0) for group in self._groups.values())

    def start_program(self, name: str) -> None:
        """Start one; that it runs already is no error."""
        try:
            self._call("startProcess", name, _DO_NOT_WAIT)
        except Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise
        except OSError:  # it is on its way out; whoever waits for the program notices that
            return

    def stop_program(self, name: str) -> None:
        """Begin to stop one; that it does not run is no error."""
        with suppress(Fault, OSError):
            self._call("stopProcess", name, _DO_NOT_WAIT)

    def statuses(self) -> dict[str, Status]:
        """All programs by name; empty while the supervisor does not answer (yet)."""
        try:
            found = self._call("getAllProcessInfo")
        except OSError:
            return {}
        return {
            info["name"]: Status(info["name"], info["statename"], info["pid"], info["exitstatus"])
            for info in found
        }

    def running(self, names: Sequence[str]) -> bool:
        """Whether any of these still has a process."""
        return any(status.pid for name, status in self.statuses().items() if name in names)

    def end_orphans(self) -> list[str]:
        """Kill what a program that ended left running; returns the names of the ended programs.

        A Celery worker or an HTTP server that is killed leaves its pool behind. The supervisor
        gives every program a process group of its own, and the group outlives its leader.
        """
        now = {status.name: status.pid for status in self.statuses().values() if status.pid}
        ended = [name for name, pid in self._groups.items() if now and now.get(name) != pid]
        for name in ended:
            _signal_group(self._groups.pop(name), signal.SIGKILL)
        self._groups.update(now)
        return ended

    def stop(self) -> None:
        """Ask for an orderly stop of everything; `wait` tells when it is done."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """The end of everything, now."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait()
        for group in self._groups.values():
            _signal_group(group, signal.SIGKILL)

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport("routecard", self._password, f"unix://{self._socket}")
        with ServerProxy("http://localhost", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


def _signal_group(group: int, number: int) -> bool:
    """Signal a process group; whether there was one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
