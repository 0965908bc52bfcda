"""What a development stack consists of: programs, their order, and the environment they share."""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.accounts.exposure import check_exposure
from shared.settings import Settings, process_environment
from worker.dev import parent_watch
from worker.dev.home import Home
from worker.embedded.postgres import Postgres
from worker.embedded.valkey import Valkey
from worker.simulator import defaults

_SIMULATED: Final = {
    "JIRA_EMAIL": defaults.EMAIL,
    "JIRA_API_TOKEN": defaults.API_TOKEN,
    "JIRA_PAT": "",
    "JIRA_DEPLOYMENT": "auto",
    "JIRA_PROJECT": defaults.PROJECT,
    "JIRA_FIELD_PART_NUMBER": defaults.FIELD_PART_NUMBER,
    "JIRA_FIELD_QUANTITY": defaults.FIELD_QUANTITY,
    "JIRA_FIELD_EPIC_LINK": defaults.FIELD_EPIC_LINK,
    "JIRA_WEBHOOK_SECRET": defaults.WEBHOOK_SECRET,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One child of the supervisor, with ``patience`` seconds to stop when it is asked to.

    ``keep`` is False for what runs once, ``at_once`` for what waits for nobody.
    """

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    account: str = "-"
    patience: int = 10
    keep: bool = True
    at_once: bool = False

    def tethered(self) -> list[str]:
        """The command line that also ends when the supervisor is killed."""
        tie = [sys.executable, "-S", str(Path(parent_watch.__file__))]
        return [*tie, str(int(self.stop_signal)), self.account, *self.command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is to run, decided from the settings before anything starts."""

    home: Home
    settings: Settings
    postgres: Postgres | None
    valkey: Valkey | None

    @classmethod
    def of(cls, settings: Settings, home: Home) -> "Plan":
        """Embedded servers and simulator only where the settings name none."""
        check_exposure(settings)
        return cls(
            home=home,
            settings=settings,
            postgres=None if settings.database_url else home.postgres(),
            valkey=None if settings.redis_url else home.valkey(),
        )

    @property
    def simulated(self) -> bool:
        """Whether the Jira is ours."""
        return not self.settings.jira_base_url

    @property
    def api_url(self) -> str:
        """Address of the API for people."""
        return f"http://localhost:{self.settings.port}"

    @property
    def loopback_url(self) -> str:
        """Address of the API as it is bound: `localhost` may mean another family."""
        host = "127.0.0.1" if self.settings.host == "localhost" else self.settings.host
        return (
            f"http://[{host}]:{self.settings.port}"
            if ":" in host
            else f"http://{host}:{self.settings.port}"
        )

    @property
    def jira_url(self) -> str:
        """Address of the Jira in use."""
        own = f"http://127.0.0.1:{self.settings.simulator_port}"
        return own if self.simulated else self.settings.jira_base_url

    def programs(self) -> list[Program]:
        """All programs in the order in which they start."""
        servers = [database(self.postgres)] if self.postgres else []
        servers += [broker(self.valkey)] if self.valkey else []
        servers += [_own("simulator", at_once=True)] if self.simulated else []
        return [*servers, _own("migrate", keep=False), _own("api"), _own("worker"), _own("beat")]

    def ports(self) -> dict[str, tuple[str, int]]:
        """Setting -> host and port that must be free."""
        wanted = {"ROUTECARD_PORT": (self.settings.host, self.settings.port)}
        if self.simulated:
            simulator = (self.settings.simulator_host, self.settings.simulator_port)
            wanted["ROUTECARD_SIMULATOR_PORT"] = simulator
        return wanted

    def environment(self) -> dict[str, str]:
        """What every child gets to see: ours, the home made absolute, and the Jira in use."""
        own = {
            "ROUTECARD_HOME": str(self.home.path),
            "ROUTECARD_SECRET_KEY": self._secret_key(),
            "ROUTECARD_LOG_FORMAT": self._log_format(),
            "PYTHONUNBUFFERED": "1",
        }
        return {**process_environment(), **own, **(self._jira() if self.simulated else {})}

    def prepare(self) -> None:
        """Make the servers' files and publish their addresses."""
        addresses = self._jira() if self.simulated else {}
        if self.postgres:
            self.postgres.prepare()
            addresses["DATABASE_URL"] = self.postgres.url()
        if self.valkey:
            self.valkey.prepare()
            addresses["REDIS_URL"] = self.valkey.url()
        self.home.write_embedded(addresses)

    def _jira(self) -> dict[str, str]:
        hook = self.settings.simulator_webhook_url or f"{self.loopback_url}/api/webhooks/jira"
        addresses = {"JIRA_BASE_URL": self.jira_url, "ROUTECARD_SIMULATOR_WEBHOOK_URL": hook}
        return {**_SIMULATED, **addresses}

    def _secret_key(self) -> str:
        given = self.settings.secret_key
        return given.get_secret_value() if given else self.home.secret_key()

    def _log_format(self) -> str:
        chosen = "log_format" in self.settings.model_fields_set
        return self.settings.log_format if chosen else "console"


def _own(name: str, *, keep: bool = True, at_once: bool = False) -> Program:
    command = (sys.executable, "-m", "worker", name)
    return Program(name=name, command=command, keep=keep, at_once=at_once)


def database(server: Postgres) -> Program:
    """The embedded PostgreSQL as a program."""
    account = server.account
    return Program(
        name="postgres",
        command=tuple(server.command()),
        stop_signal=signal.SIGINT,  # fast shutdown: SIGTERM would wait for clients to leave
        account="-" if account.name is None else f"{account.uid}:{account.gid}",
        patience=20,
        at_once=True,
    )


def broker(server: Valkey) -> Program:
    """The embedded Valkey as a program."""
    return Program(name="valkey", command=tuple(server.command()), at_once=True)
