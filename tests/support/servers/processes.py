"""Real worker and beat processes on the test's database, broker and Jira."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from shared.accounts.run_proof import FILE, new_proof
from shared.settings import RUN_PROOF

ROOT = Path(__file__).parents[3]


class Parts:
    """Parts of Routecard as processes, each in its own session, so that it is killed as a whole."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self.environment = dict(environment)
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._kept: dict[str, threading.Event] = {}

    def start(self, part: str) -> None:
        """Start ``routecard PART``."""
        with (self._logs / f"{part}.log").open("ab") as log:
            self._running[part] = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-m", "worker", part],
                cwd=self._logs,
                env={
                    "PATH": os.environ["PATH"],  # noqa: TID251  the interpreter's own
                    "PYTHONPATH": str(ROOT),
                    **self.environment,
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def keep(self, part: str) -> None:
        """Start the part, and restart it when it ends, as a supervisor does."""
        self.start(part)
        over = self._kept[part] = threading.Event()
        threading.Thread(target=self._watch, args=(part, over), daemon=True).start()

    def _watch(self, part: str, over: threading.Event) -> None:
        while not over.wait(0.5):
            if self._running[part].poll() is not None:
                self.start(part)

    def kill(self, part: str) -> None:
        """kill -9 the part and everything it started."""
        self._signal(part, signal.SIGKILL)

    def stop(self, part: str) -> None:
        """Send SIGTERM to the part and wait until it has ended."""
        self._signal(part, signal.SIGTERM)

    def pool_processes(self, part: str = "worker") -> list[psutil.Process]:
        """The processes the part has started."""
        return psutil.Process(self._running[part].pid).children(recursive=True)

    def log(self, part: str) -> str:
        """What the part has written so far."""
        return (self._logs / f"{part}.log").read_text()

    def end(self) -> None:
        """Kill whatever still runs."""
        for part in list(self._running):
            self.kill(part)

    def _signal(self, part: str, number: signal.Signals) -> None:
        if part in self._kept:
            self._kept.pop(part).set()
        process = self._running.pop(part)
        if process.poll() is None:
            family = [psutil.Process(process.pid)]
            if number is signal.SIGKILL:
                family += family[0].children(recursive=True)
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(number)
        process.wait(timeout=30)


def with_open_mode(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which an API has an open mode, given to it as `routecard dev` does."""
    home = Path(environment["ROUTECARD_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    proof = new_proof()
    (home / FILE).write_text(proof)
    return {**environment, RUN_PROOF: proof}


@contextmanager
def parts(environment: Mapping[str, str], logs: Path) -> Iterator[Parts]:
    """Nothing runs yet; nothing is left running at the end."""
    running = Parts(environment, logs)
    try:
        yield running
    finally:
        running.end()
