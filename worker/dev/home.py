"""The folder of a development stack: its paths, its lock, its secrets, and how it is emptied."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

import psutil

from shared.accounts import run_proof
from shared.errors import SettingsError
from shared.settings import EMBEDDED_FILE, Settings, read_embedded
from worker.dev import places
from worker.dev.account import Account
from worker.dev.postgres import PORT, Postgres, installed_programs
from worker.dev.valkey import Valkey, is_free

_SOCKET_PATH_BYTES: Final = 103  # sun_path is 104 on macOS and 108 on Linux, one is the final NUL
_STOPPING_SECONDS: Final = 30.0
_DEFAULT_NAME: Final = str(Settings.model_fields["home"].default)
# Only what we created is deleted: ROUTECARD_HOME may be any folder.
_OURS: Final = (
    *("postgres", "valkey", "beat", "logs", "run"),
    *("secret-key", EMBEDDED_FILE, run_proof.FILE),
)


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under ROUTECARD_HOME, which is made absolute."""

    path: Path

    @classmethod
    def of(cls, settings: Settings) -> "Home":
        """The home that the settings name, created if it is missing."""
        path = settings.home.absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A folder of another name that is in use may have other uses, and keeps its mode.
            ours = path.name == _DEFAULT_NAME or not any(path.iterdir())
            if ours and path.stat().st_uid == os.geteuid():
                path.chmod(0o700)
        except OSError as error:
            raise SettingsError(
                f"ROUTECARD_HOME: {path} cannot be created: {error.strerror}"
            ) from None
        return cls(path)

    @property
    def logs(self) -> Path:
        """One log file for each program."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Sockets and process ids; in the temporary folder if the path is too long for a socket."""
        folder = self.path / "run"
        longest = folder / "postgres" / f".s.PGSQL.{PORT}"
        if len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES:
            return folder
        mark = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"routecard-{os.geteuid()}-{mark}"

    def make_folders(self) -> None:
        """Create the folders of logs and sockets. Raises SettingsError if another user owns one."""
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self.logs.chmod(0o700)
        for log in self.logs.glob("*.log*"):
            log.chmod(0o600)
        self.run.mkdir(mode=0o700, exist_ok=True)
        if self.run.lstat().st_uid != os.geteuid() or self.run.is_symlink():
            raise SettingsError(
                f"{self.run} belongs to another user: set a shorter ROUTECARD_HOME."
            )
        self.run.chmod(0o700)

    def lock(self) -> IO[str]:
        """Take this home for one stack; the lock lasts while a process holds the file open.

        Raises SettingsError if another stack is running. The children of one that was killed hold
        the lock until they have stopped: wait for them.
        """
        file = (self.path / "dev.lock").open("a+")
        deadline = time.monotonic() + _STOPPING_SECONDS
        while not _try_lock(file):
            if _owner_is_alive(file) or time.monotonic() > deadline:
                raise SettingsError(
                    f"A `routecard dev` is running in {self.path} already: stop it first, "
                    "or set ROUTECARD_HOME and the ports to others."
                )
            time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def empty(self) -> None:
        """Delete everything we created. Call it with the lock held."""
        for name in _OURS:
            path = self.path / name
            if path.is_symlink():
                places.remove(path)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def secret_key(self) -> str:
        """The key that signs sessions, generated at the first start and kept."""
        path = self.path / "secret-key"
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(48))
        return path.read_text().strip()

    def postgres(self) -> Postgres:
        """The embedded database of this home."""
        account, data = Account.for_postgres(), self.path / "postgres"
        if account.name is None:
            return Postgres(data=data, socket_dir=self.run / "postgres", account=account)
        folder = places.folder_of(data, account)
        return Postgres(
            data=folder / "data",
            socket_dir=folder / "run",
            account=account,
            programs=places.programs_for(account, installed_programs()),
        )

    def valkey(self) -> Valkey:
        """The embedded broker of this home, on the port it had before if that is still free."""
        data = self.path / "valkey"
        former = urlsplit(read_embedded(self.path).get("REDIS_URL", ""))
        if former.password and former.port and is_free(former.port):
            return Valkey(data=data, port=former.port, password=former.password)
        return Valkey.new(data)

    def write_embedded(self, addresses: dict[str, str]) -> None:
        """Write the addresses, which hold a password, for all commands that run in this home."""
        _write_private(self.path / EMBEDDED_FILE, json.dumps(addresses, indent=2) + "\n")

    def write_proof(self, proof: str) -> None:
        """Prove that a run uses this home, until ``forget_proof``."""
        _write_private(self.path / run_proof.FILE, proof)

    def forget_proof(self) -> None:
        """The run is over: no process proves any more that it belongs to it."""
        (self.path / run_proof.FILE).unlink(missing_ok=True)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner_is_alive(file: IO[str]) -> bool:
    file.seek(0)
    pid = file.read()
    return pid.isdecimal() and psutil.pid_exists(int(pid))


def _write_private(path: Path, content: str) -> None:
    """Replace a file as a whole; only its owner can ever read it."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    new.replace(path)
