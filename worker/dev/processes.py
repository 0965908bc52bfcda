"""The programs of a stack as child processes: started, started again when they end, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from worker.dev import parent_watch
from worker.dev.home import Home

_STABLE_SECONDS: Final = 5.0
_LONGEST_PAUSE: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What runs as one child process.

    ``stop_seconds`` is the time it gets to stop before it is killed. ``restart`` is False for a
    program that runs once. ``environment`` is for this program alone. ``check`` returns why the
    program is not ready yet, or None.
    """

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    account: str = "-"
    stop_seconds: float = 10.0
    restart: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[], str | None] = lambda: None

    def command_line(self) -> list[str]:
        """The command with the watch that stops it when its parent dies."""
        watch = [sys.executable, "-S", str(Path(parent_watch.__file__))]
        return [*watch, str(int(self.stop_signal)), self.account, *self.command]


class ChildProcess:
    """One program in a process group of its own, so that its own children end with it.

    Its output goes to a log file and not through a pipe, so that a slow terminal never blocks it.
    It inherits the open lock file of the home: the home stays locked until every child has ended.
    """

    def __init__(
        self, program: Program, *, home: Home, environment: dict[str, str], lock: IO[str]
    ) -> None:
        self.name = program.name
        self.program = program
        self.log = home.logs / f"{program.name}.log"
        self.failures = 0
        self._pid_file = home.run / f"{program.name}.pid"
        self._environment = environment
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None
        self._group_ended = True
        self._started_at = 0.0
        self._restart_at: float | None = None

    def start(self) -> None:
        """Start the program; the process id of one that is restarted is in ``run/NAME.pid``."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own commands
                self.program.command_line(),
                env={**self._environment, **self.program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._lock.fileno()],
            )
        self._group_ended = False
        if self.program.restart:
            self._write_pid_file(self._process.pid)
        self._started_at, self._restart_at = time.monotonic(), None

    def _write_pid_file(self, pid: int) -> None:
        """Replace the file as a whole: its readers never find it empty."""
        new = self._pid_file.with_suffix(".new")
        new.write_text(f"{pid}\n")
        new.replace(self._pid_file)

    @property
    def exit_status(self) -> int | None:
        """The exit status once the program has ended."""
        return None if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process runs now."""
        return self._process is not None and self.exit_status is None

    def restart_if_ended(self) -> None:
        """Start the program again if it has ended, and kill the children that it left behind.

        ``failures`` counts how often in a row it ended within seconds; the pause before the next
        start grows by a second with each.
        """
        if self._process is None or self.running:
            return
        self.kill()
        if not self.program.restart:
            return
        now = time.monotonic()
        if self._restart_at is None:
            stable = now - self._started_at >= _STABLE_SECONDS
            self.failures = 0 if stable else self.failures + 1
            self._restart_at = now + min(self.failures, _LONGEST_PAUSE)
            with self.log.open("a") as log:
                log.write(f"{self.name} ended with exit status {self.exit_status}: restarting\n")
        if now >= self._restart_at:
            self.start()

    def stop(self) -> None:
        """Ask the program to stop."""
        if self._process is not None:
            self._process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        """Kill what is left of the process group: the program, or the children it left behind.

        Only once: later the system may have given the number to another program's group.
        """
        if self._process is not None and not self._group_ended:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._group_ended = True
