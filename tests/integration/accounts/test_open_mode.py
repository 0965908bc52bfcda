"""Open mode over a real socket: which starts of the API have one, and how it ends."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from shared.accounts.run_proof import FILE
from shared.settings import ENV_FILE, RUN_PROOF, Settings
from tests.dsl import bearer, operator
from tests.support.servers.processes import Parts, parts, with_open_mode
from tests.support.servers.stack import routecard
from tests.support.waiting import eventually
from worker.dev.valkey import free_port


class Api:
    """`routecard api` on a port of its own, in a folder and a home of its own."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {**environment, "ROUTECARD_PORT": str(self.port)}
        self._parts: Parts | None = None

    def start(self, stack: ExitStack) -> None:
        """Start it, without waiting."""
        self._parts = stack.enter_context(parts(self.environment, self.folder))
        self._parts.start("api")

    def log(self) -> str:
        """What it has written."""
        assert self._parts is not None
        return self._parts.log("api")

    def call(self, method: str, path: str, **headers: str) -> int:
        """The status of a request without a body."""
        address = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(
            method, address, headers=headers, timeout=10, allow_redirects=False
        ).status_code

    def access(self, **headers: str) -> tuple[int, int]:
        """What becomes of a call of the API and of a page."""
        return self.call("GET", "/api/jobs", **headers), self.call("GET", "/tasks", **headers)

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return self.call("GET", "/healthz") == 200
        except requests.ConnectionError:
            return False


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The database and the broker."""
    assert settings.database_url
    assert settings.redis_url
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
    }


STARTS: dict[str, dict[str, str]] = {
    "plain": {},
    "proof without a run": {RUN_PROOF: "of an earlier run"},
    "proof in .env": {},
    "required": {"ROUTECARD_AUTH": "required"},
    "proxy": {"ROUTECARD_TRUSTED_PROXIES": "1"},
    "dev": {},
}


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, Api]]:
    """An API for each kind of start, all on one database without a credential."""
    apis = {}
    with ExitStack() as stack:
        for number, (name, changes) in enumerate(STARTS.items()):
            folder = tmp_path / str(number)
            folder.mkdir()
            base = {**environment, **changes, "ROUTECARD_HOME": str(folder)}
            proven = with_open_mode(base)
            if name == "proof in .env":
                (folder / ENV_FILE).write_text(f"{RUN_PROOF}={proven[RUN_PROOF]}\n")
            given = base if name in ("plain", "proof without a run", "proof in .env") else proven
            apis[name] = Api(given, folder)
            apis[name].start(stack)
        for api in apis.values():
            eventually(api.answers, within=90)
        yield apis


def test_only_the_start_by_dev_is_open_and_the_first_operator_closes_it_at_once(
    started: dict[str, Api], engine: Engine
) -> None:
    dev = started.pop("dev")
    for name, api in started.items():
        assert api.access() == (401, 303), name
        assert api.access(**bearer("rc_x")) == (401, 303), name
    log = started["plain"].log
    eventually(lambda: "routecard token create" in log(), within=20)
    assert "access_required" in log()

    eventually(lambda: "access_open" in dev.log(), within=20)
    assert dev.access() == (200, 200)
    behind_a_proxy = {"Host": "shop.example.com"}
    assert dev.access(**behind_a_proxy) == (401, 303)
    for origin in ("http://localhost:5000", f"http://localhost:{dev.port}", "null"):
        assert dev.access(Origin=origin) == (401, 303), origin
    assert dev.access(Origin=f"http://127.0.0.1:{dev.port}") == (200, 200)
    bodyless = "/api/sync/tasks/sync_x/retry"
    assert dev.call("POST", bodyless) == 404
    for headers in ({"Origin": "http://127.0.0.1:5000"}, {"Sec-Fetch-Site": "same-site"}):
        assert dev.call("POST", bodyless, **headers) == 401

    operator(engine)
    assert dev.access() == (401, 303)


def test_a_token_made_by_a_command_closes_open_mode_with_the_next_request(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        api = Api(with_open_mode({**environment, "ROUTECARD_HOME": str(tmp_path)}), tmp_path)
        api.start(stack)
        eventually(api.answers, within=60)
        assert api.access() == (200, 200)
        make = ("token", "create", "--name", "first", "--scope", "jobs:read")
        token = routecard(*make, **api.environment).stdout.strip()
        assert api.access() == (401, 303)
        assert api.access(**bearer(token)) == (200, 303)
        assert (tmp_path / FILE).exists()
