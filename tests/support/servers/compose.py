"""docker-compose.yml as Compose reads it: merged, with variables filled in."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.servers.stack import clean_environment
from worker.dev.valkey import Valkey

ROOT = Path(__file__).parents[3]
# ${NAME}, ${NAME:-default} and ${NAME:?message}
_VARIABLE = re.compile(r"\$\{(\w+)(?::(-|\?)([^}]*))?\}")


def services(env: Mapping[str, str]) -> dict[str, Any]:
    """The services with the variables of ``env``, the `.env` file, filled in.

    Raises KeyError for a variable that is required and missing, as Compose refuses to start.
    """
    found: dict[str, Any] = _filled(_parsed()["services"], env)
    return found


def config(name: str, env: Mapping[str, str]) -> str:
    """The content of a configuration file, with the variables filled in."""
    found: str = _filled(_parsed()["configs"][name]["content"], env)
    return found


def _parsed() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def _filled(node: Any, env: Mapping[str, str]) -> Any:
    """A variable without a value is passed on if ``env`` has it."""
    if isinstance(node, dict):
        given = {n: env.get(n) if value is None else value for n, value in node.items()}
        return {n: _filled(value, env) for n, value in given.items() if value is not None}
    if isinstance(node, list):
        return [_filled(value, env) for value in node]
    if isinstance(node, str):
        return _VARIABLE.sub(lambda use: _value(use, env), node)
    return node


def _value(use: re.Match[str], env: Mapping[str, str]) -> str:
    name, kind, rest = use.groups()
    if env.get(name):
        return env[name]
    if kind == "?":
        raise KeyError(f"{name}: {rest}")
    return str(rest or "")


class Service:
    """One service, run on this machine: its command and environment as written, but for addresses.

    ``addresses`` are replacements in values: names and ports of the network Compose would make.
    """

    def __init__(
        self,
        service: Mapping[str, Any],
        *,
        addresses: Mapping[str, str],
    ) -> None:
        self.written: dict[str, str] = service.get("environment", {})
        self._command = service["command"]
        self._health = service.get("healthcheck", {}).get("test", [])
        self._addresses = addresses

    def start(self) -> subprocess.Popen[bytes]:
        """Its command in the background."""
        return subprocess.Popen(  # noqa: S603  as written in our own file
            self._here(self._command),
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, **changes: str) -> subprocess.CompletedProcess[str]:
        """Its command to its end."""
        return self._run(self._here(self._command), self.environment() | changes)

    def healthy(self) -> bool:
        """What its health check says."""
        if self._health[0] != "CMD":
            raise ValueError(f"not a plain command: {self._health}")
        return self._run(self._here(self._health[1:]), self.environment()).returncode == 0

    def environment(self) -> dict[str, str]:
        """Nothing but what the file says."""
        return clean_environment(**{name: self._adapt(text) for name, text in self.written.items()})

    def _here(self, command: list[str]) -> list[str]:
        programs = {
            "routecard": [sys.executable, "-m", "worker"],
            "python": [sys.executable],
            "valkey-server": [Valkey.binary()],
        }
        return [*programs[command[0]], *(self._adapt(part) for part in command[1:])]

    def _adapt(self, text: str) -> str:
        for name, address in self._addresses.items():
            text = text.replace(name, address)
        return text

    @staticmethod
    def _run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  as written in our own file
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )
