"""What a development stack consists of: programs, the order they start in, their environment."""

import signal
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from shared.accounts.exposure import check_exposure
from shared.accounts.run_proof import new_proof
from shared.errors import SettingsError
from shared.settings import RUN_PROOF, Settings, process_environment
from worker.dev.home import Home
from worker.dev.postgres import Postgres
from worker.dev.processes import Program
from worker.dev.ready import check_http, check_postgres, check_valkey
from worker.dev.valkey import Valkey, is_free
from worker.simulator import defaults

_SIMULATED: Final = {
    "JIRA_EMAIL": defaults.EMAIL,
    "JIRA_API_TOKEN": defaults.API_TOKEN,
    "JIRA_PAT": "",
    "JIRA_DEPLOYMENT": "auto",
    "JIRA_FIELD_PART_NUMBER": defaults.FIELD_PART_NUMBER,
    "JIRA_FIELD_QUANTITY": defaults.FIELD_QUANTITY,
    "JIRA_FIELD_EPIC_LINK": defaults.FIELD_EPIC_LINK,
    "JIRA_WEBHOOK_SECRET": defaults.WEBHOOK_SECRET,
}
_WITHOUT_PROXY: Final = {"NO_PROXY": "*", "no_proxy": "*"}
"""A proxy of the environment does not serve addresses of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that will run, decided from the settings before anything starts."""

    home: Home
    settings: Settings
    postgres: Postgres | None
    valkey: Valkey | None
    proof: str = field(default_factory=new_proof, repr=False)

    @classmethod
    def of(cls, settings: Settings, home: Home) -> "Plan":
        """Embedded servers and the simulator only where the settings name none.

        Raises SettingsError, before it makes anything, for a port that is taken.
        """
        check_exposure(settings)
        _check_ports(settings)
        return cls(
            home=home,
            settings=settings,
            postgres=None if settings.database_url else home.postgres(),
            valkey=None if settings.redis_url else home.valkey(),
        )

    @property
    def simulated(self) -> bool:
        """Whether the stack runs its own Jira."""
        return not self.settings.jira_base_url

    @property
    def api_url(self) -> str:
        """The API's address for people."""
        return f"http://localhost:{self.settings.port}"

    @property
    def loopback_url(self) -> str:
        """The API's address as it is bound: `localhost` may mean another address family."""
        host = "127.0.0.1" if self.settings.host == "localhost" else self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    @property
    def jira_url(self) -> str:
        """The address of the Jira in use."""
        own = f"http://127.0.0.1:{self.settings.simulator_port}"
        return own if self.simulated else self.settings.jira_base_url

    def stages(self) -> list[list[Program]]:
        """Programs by stage: a stage starts when the one before is ready, and stops before it."""
        servers = [postgres_program(self.postgres)] if self.postgres else []
        servers += [_valkey_program(self.valkey)] if self.valkey else []
        if self.simulated:
            check = partial(check_http, f"{self.jira_url}/rest/api/2/serverInfo")
            servers.append(Program(name="simulator", command=_routecard("simulator"), check=check))
        api_check = partial(check_http, f"{self.loopback_url}/readyz")
        migrate = [Program(name="migrate", command=_routecard("migrate"), restart=False)]
        own = [
            Program(
                name="api",
                command=_routecard("api"),
                environment={RUN_PROOF: self.proof},
                check=api_check,
            ),
            Program(name="worker", command=_routecard("worker")),
            Program(name="beat", command=_routecard("beat")),
        ]
        return [servers, migrate, own] if servers else [migrate, own]

    def environment(self) -> dict[str, str]:
        """The children's environment: our own, the absolute home, and the Jira in use.

        Settings that were given stay as they are, also with the simulated Jira.
        """
        own = {
            "ROUTECARD_HOME": str(self.home.path),
            "ROUTECARD_SECRET_KEY": self._secret_key(),
            "ROUTECARD_LOG_FORMAT": self._log_format(),
            "PYTHONUNBUFFERED": "1",
        }
        return {**process_environment(), **own, **(self._simulated() if self.simulated else {})}

    def _simulated(self) -> dict[str, str]:
        """The settings of the simulated Jira, without those that were given."""
        fields = self.settings.model_fields_set
        given = {str(Settings.model_fields[name].validation_alias) for name in fields}
        left = {name: value for name, value in self._jira().items() if name not in given}
        return {**left, **_WITHOUT_PROXY}

    def prepare(self) -> None:
        """Create the servers' files, publish the addresses, and prove that the run has begun."""
        addresses = self._jira() if self.simulated else {}
        if self.postgres:
            self.postgres.prepare()
            addresses["DATABASE_URL"] = self.postgres.url()
        if self.valkey:
            self.valkey.prepare()
            addresses["REDIS_URL"] = self.valkey.url()
        self.home.write_embedded(addresses)
        self.home.write_proof(self.proof)

    def _jira(self) -> dict[str, str]:
        hook = self.settings.simulator_webhook_url or f"{self.loopback_url}/api/webhooks/jira"
        addresses = {"JIRA_BASE_URL": self.jira_url, "ROUTECARD_SIMULATOR_WEBHOOK_URL": hook}
        projects = ",".join(self.settings.jira_project) or "*"
        return {**_SIMULATED, "JIRA_PROJECT": projects, **addresses}

    def _secret_key(self) -> str:
        given = self.settings.secret_key
        return given.get_secret_value() if given else self.home.secret_key()

    def _log_format(self) -> str:
        chosen = "log_format" in self.settings.model_fields_set
        return self.settings.log_format if chosen else "console"


def _check_ports(settings: Settings) -> None:
    """Raise SettingsError that names the first port that is taken, and its setting."""
    wanted = {"ROUTECARD_PORT": (settings.host, settings.port)}
    if not settings.jira_base_url:
        wanted["ROUTECARD_SIMULATOR_PORT"] = (settings.simulator_host, settings.simulator_port)
    for setting, (host, port) in wanted.items():
        if not is_free(port, host):
            raise SettingsError(
                f"Port {port} is taken by another program: stop it, or set {setting} to a free one."
            )
    if len(set(wanted.values())) < len(wanted):
        raise SettingsError(f"{' and '.join(wanted)} name the same port: set one to another.")


def _routecard(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "worker", command)


def postgres_program(server: Postgres) -> Program:
    """The embedded PostgreSQL as a program."""
    account = server.account
    return Program(
        name="postgres",
        command=tuple(server.command()),
        stop_signal=signal.SIGINT,  # fast shutdown; on SIGTERM it waits for its clients to leave
        account="-" if account.name is None else f"{account.uid}:{account.gid}",
        stop_seconds=20,
        check=partial(check_postgres, server),
    )


def _valkey_program(server: Valkey) -> Program:
    return Program(
        name="valkey", command=tuple(server.command()), check=partial(check_valkey, server)
    )
