"""The real stack, started as `make dev` starts it: `routecard dev` in a folder of its own."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests

from shared.settings import process_environment
from tests.support.waiting import eventually
from worker.dev import places
from worker.dev.valkey import free_port

_OURS = ("ROUTECARD_", "JIRA_", "DATABASE_URL", "REDIS_URL")
_COMMAND_SECONDS = 30.0
READY_SECONDS = 60.0
STOP_SECONDS = 40.0


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment with no setting of Routecard in it but the given ones."""
    kept = process_environment().items()
    return {name: value for name, value in kept if not name.startswith(_OURS)} | settings


def routecard(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "worker", *arguments],
        cwd="/",  # no `.env` of the checkout
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )


class Stack:
    """One `routecard dev`: its output, its children, and an API to call."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.simulator_port = free_port()
        self.settings = {
            "ROUTECARD_HOME": str(home),
            "ROUTECARD_PORT": str(self.port),
            "ROUTECARD_SIMULATOR_PORT": str(self.simulator_port),
            "ROUTECARD_WORKER_PROCESSES": "3",
            **settings,
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.jira_url = f"http://127.0.0.1:{self.simulator_port}"
        self._output = home.with_name(home.name + ".out")
        self._seen: set[psutil.Process] = set()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """What the console has shown so far."""
        return self._output.read_text(errors="replace")

    def start(self, *arguments: str) -> None:
        """Start it, without waiting."""
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter
                [sys.executable, "-m", "worker", "dev", *arguments],
                cwd=self.home.parent,
                env=clean_environment(**self.settings),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def start_and_wait(self, *arguments: str) -> None:
        """Start it and wait until it says that it is ready."""
        self.start(*arguments)
        eventually(self._ready, within=READY_SECONDS)
        self.processes()

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with {self.process.returncode}:\n{self.output}")
        assert "Routecard is ready" in self.output, self.output[-2000:]
        return True

    def pid(self, program: str) -> int:
        """The process that was started last for a program."""
        return int((self.home / "run" / f"{program}.pid").read_text())

    def programs(self) -> set[str]:
        """The programs that were ever started in this home."""
        return {log.stem for log in (self.home / "logs").glob("*.log")}

    def processes(self) -> set[psutil.Process]:
        """All processes seen under this stack; call it again when new ones may have started."""
        assert self.process is not None
        try:
            console = psutil.Process(self.process.pid)
            self._seen |= {console, *console.children(recursive=True)}
        except psutil.NoSuchProcess:
            pass
        return self._seen

    def left_over(self) -> list[psutil.Process]:
        """Those that still run. A zombie has ended: it only waits for its parent."""
        return [process for process in self._seen if _runs(process)]

    def send(self, number: signal.Signals) -> None:
        """Signal the console."""
        assert self.process is not None
        self.processes()
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code of the console once it has ended."""
        assert self.process is not None
        return self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """SIGTERM, wait, and assert that nothing is left; the exit code."""
        self.send(signal.SIGTERM)
        code = self.wait()
        eventually(lambda: not self.left_over(), within=STOP_SECONDS)
        return code

    def destroy(self) -> None:
        """End whatever is left, after a test that may have failed anywhere."""
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in self.left_over():
            process.kill()

    def post(self, path: str, body: Any) -> requests.Response:
        """POST JSON to the API."""
        return requests.post(f"{self.url}{path}", json=body, timeout=10)

    def get(self, path: str) -> Any:
        """The JSON at a path of the API, which must answer 200."""
        answer = requests.get(f"{self.url}{path}", timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def is_whole(self) -> bool:
        """Whether the API is ready and no part is missing."""
        try:
            return not self.get("/readyz").get("degraded")
        except requests.ConnectionError:
            return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def stack(**settings: str) -> Iterator[Stack]:
    """A stack that is not started yet, in a folder that goes away with it."""
    folder = Path(tempfile.mkdtemp(prefix="rc-e2e-"))
    made = Stack(folder / "home", **settings)
    try:
        yield made
    finally:
        made.destroy()
        data = made.home / "postgres"
        if data.is_symlink():
            places.remove(data)
        shutil.rmtree(folder, ignore_errors=True)


def descendants(pids: Sequence[int]) -> set[psutil.Process]:
    """All processes below the given ones."""
    return {child for pid in pids for child in psutil.Process(pid).children(recursive=True)}
