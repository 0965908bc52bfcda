"""docker-compose.yml without a container engine: each service's command as it is written there."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from shared.settings.pages import lines
from tests.dsl import SESSION_KEY, bearer
from tests.support.servers.compose import ROOT, Service, config, services
from tests.support.servers.stack import clean_environment
from tests.support.waiting import eventually
from worker.dev import places
from worker.dev.account import Account
from worker.dev.plan import postgres_program
from worker.dev.postgres import Postgres, installed_programs
from worker.dev.valkey import free_port

SECRETS = {
    "POSTGRES_PASSWORD": "p" * 64,
    "VALKEY_PASSWORD": "v" * 64,
    "ROUTECARD_SECRET_KEY": SESSION_KEY,
    "JIRA_WEBHOOK_SECRET": "the secret of the shop",
}


def simulator_settings() -> dict[str, str]:
    """The lines for `.env` from the runbook, to use the simulator."""
    section = (ROOT / "docs" / "runbook.md").read_text().split("## The simulator under")[1]
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", section, re.MULTILINE))


class Compose:
    """All services on this machine, on free ports."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._env = SECRETS | simulator_settings()
        self._written = services(self._env)
        account = Account.for_postgres()
        folder.chmod(0o755)  # PostgreSQL's own account has to enter it
        self.postgres = Postgres(
            data=folder / "pg",
            socket_dir=folder / "run",
            account=account,
            programs=places.programs_for(account, installed_programs()),
        )
        self.api_port, valkey_port, simulator_port = free_port(), free_port(), free_port()
        self.addresses = {
            "@postgres:5432/routecard": self.postgres.url().removeprefix("postgresql://routecard"),
            "valkey:6379": f"127.0.0.1:{valkey_port}",
            "api:3000": f"127.0.0.1:{self.api_port}",
            "simulator:8090": f"127.0.0.1:{simulator_port}",
            "127.0.0.1:8090": f"127.0.0.1:{simulator_port}",
            "127.0.0.1:3000": f"127.0.0.1:{self.api_port}",
            "/var/lib/routecard": str(folder / "home"),
            "/etc/valkey/": f"{folder}/",
            "0.0.0.0": "127.0.0.1",  # noqa: S104  replaced
        }
        # Ports that stand alone, as the value of one setting or option.
        self._ports = {"3000": str(self.api_port), "8090": str(simulator_port)}
        self._valkey_options = ["--bind", "127.0.0.1", "--port", str(valkey_port)]
        self._folder = folder

    def service(self, name: str, **changes: Any) -> Service:
        """A service with this machine's addresses."""
        written = {**self._written[name], **changes}
        if name == "valkey":
            home = ["--dir", str(self._folder)]
            content = config("valkey", self._env)
            (self._folder / "valkey.conf").write_text(content)
            written["command"] = [*written["command"], *self._valkey_options, *home]
        environment = written.get("environment", {})
        written["environment"] = {
            key: self._ports.get(text, text) for key, text in environment.items()
        }
        return Service(written, addresses=self.addresses)

    def first_token(self) -> str:
        """A token for jobs, made as README.md says."""
        scopes = ("--scope", "jobs:read", "--scope", "jobs:write")
        create = ["routecard", "token", "create", "--name", "first", *scopes]
        return self.service("migrate", command=create).run().stdout.strip()

    def start(self, name: str) -> None:
        """Start a service, to be stopped with all others."""
        self._keep(self.service(name).start())

    def start_database(self) -> None:
        """Start a database, as the image `postgres` does."""
        self.postgres.prepare()
        program = postgres_program(self.postgres)
        self._keep(
            subprocess.Popen(  # noqa: S603  our own command
                program.command_line(),
                env=clean_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        eventually(self._database_answers, within=30)

    def _database_answers(self) -> bool:
        try:
            self.postgres.make_database()
        except psycopg.OperationalError as error:
            raise AssertionError(str(error)) from error
        return True

    def _keep(self, process: subprocess.Popen[bytes]) -> None:
        def end() -> None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

        self._stack.callback(end)


@contextmanager
def composed() -> Iterator[Compose]:
    """Services that end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="rc-compose-"))
    try:
        with ExitStack() as stack:
            yield Compose(folder, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_compose_refuses_to_start_without_secrets() -> None:
    for name in ("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "ROUTECARD_SECRET_KEY"):
        with pytest.raises(KeyError, match=name):
            services({key: value for key, value in SECRETS.items() if key != name})


def test_every_service_does_its_part_with_the_command_and_environment_as_written() -> None:
    with composed() as compose:
        compose.start_database()
        compose.start("valkey")
        assert "up to date" in compose.service("migrate").run().stdout
        headers = bearer(compose.first_token())
        for name in ("simulator", "api", "worker", "beat"):
            compose.start(name)
        for name in ("simulator", "api"):
            service = compose.service(name)
            eventually(service.healthy, within=40, every=0.5)

        url = f"http://127.0.0.1:{compose.api_port}/api/jobs"
        body = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42"}
        made = requests.post(url, json=body, headers=headers, timeout=10)
        assert made.status_code == 201

        def filled() -> Any:
            address = f"{url}/{made.json()['id']}"
            job = requests.get(address, headers=headers, timeout=10).json()
            return job if job["jiraSync"]["status"] == "filled" else None

        assert eventually(filled, within=40)["jiraPartNumber"] == "ALU-HOUSING-7075"


def test_the_api_in_its_container_does_not_start_before_there_is_a_token() -> None:
    with composed() as compose:
        compose.start_database()
        compose.service("migrate").run()
        api = compose.service("api")
        host = api.written["ROUTECARD_HOST"]

        refused = api.run(ROUTECARD_HOST=host)

        assert refused.returncode == 2
        assert f"ROUTECARD_HOST is {host}" in refused.stderr


READERS = {
    "POSTGRES_PASSWORD": {"postgres"},
    "DATABASE_URL": {"migrate", "api", "worker", "beat"},
    "REDIS_URL": {"api", "worker", "beat"},
    "REDISCLI_AUTH": {"valkey"},
    "ROUTECARD_SECRET_KEY": {"api"},
    "JIRA_API_TOKEN": {"api", "worker"},
    "JIRA_PAT": {"api", "worker"},
    "JIRA_WEBHOOK_SECRET": {"api", "worker", "simulator"},
    "JIRA_WEBHOOK_SECRET_PREVIOUS": {"api", "worker"},
    "JIRA_WEBHOOK_TOKEN_HASH": {"api", "worker"},
    "JIRA_WEBHOOK_PASSWORD": {"api", "worker"},
    "JIRA_EXTRA_HEADERS": {"worker"},
    "HTTPS_PROXY": {"worker"},
    "HTTP_PROXY": {"worker"},
    "ALL_PROXY": {"worker"},
}
"""The services that may know each secret."""
EVERYTHING = {line.name: "x" for line in lines()} | SECRETS


def test_each_secret_of_the_env_file_reaches_only_the_services_that_read_it() -> None:
    written = services(EVERYTHING)
    for secret, readers in READERS.items():
        knowing = {name for name, one in written.items() if secret in one.get("environment", {})}
        assert knowing == readers, secret
    secret_settings = {line.name for line in lines() if line.secret}
    assert secret_settings <= set(READERS)


def test_no_setting_of_the_env_file_is_lost() -> None:
    parts = [services(EVERYTHING)[name]["environment"] for name in ("api", "worker", "simulator")]
    ours = {"ROUTECARD_HOME", "ROUTECARD_SIMULATOR_PORT"}
    for line in lines():
        assert line.name in ours or any(line.name in part for part in parts), line.name


def test_no_password_is_in_a_command_line_and_every_image_has_an_exact_version() -> None:
    for name, service in services(EVERYTHING).items():
        command = " ".join(service.get("command", []))
        assert not [one for one in SECRETS.values() if one in command], name
        image = service["image"]
        assert image == "routecard:latest" or re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?", image), name
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)
