"""A session with a simulator that checks every answer, and a receiver of its webhooks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import urlsplit

import requests

from tests.support.jira.openapi import OWN, AtlassianContract
from tests.support.waiting import eventually
from worker.simulator import defaults
from worker.simulator.http_server import Environ, HttpServer, StartResponse
from worker.simulator.server import Deployment, Simulator, SimulatorConfig, make_simulator

BASIC = (defaults.EMAIL, defaults.API_TOKEN)


class Client(requests.Session):
    """Requests by path; answers under ``/rest/api`` have to hold against the documents."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator
        self.trust_env = False
        self.hooks["response"] = [_check]
        self.sign_in()

    def sign_in(self) -> None:
        """With the credentials of the deployment."""
        if self.simulator.config.deployment is Deployment.CLOUD:
            self.auth = BASIC
        else:
            self.headers["Authorization"] = f"Bearer {defaults.PAT}"

    def reset(self) -> Self:
        """Reset everything, for a test that shares the simulator with others."""
        self.simulator.state.reset(tickets=self.simulator.config.tickets)
        self.hooks["response"] = [_check]
        self.sign_in()
        return self

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> Any:
        """As in the base, with ``url`` a path of the simulator."""
        kwargs.setdefault("timeout", 10)
        return super().request(method, f"{self.simulator.url}{url!s}", *args, **kwargs)

    def issue(self, key: str, fields: str = "*all", *, version: str = "2") -> dict[str, Any]:
        """One ticket, which has to be there."""
        answer = self.get(f"/rest/api/{version}/issue/{key}", params={"fields": fields})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def bulk(self, *keys: str, fields: list[str] | None = None, **more: Any) -> dict[str, Any]:
        """A bulk read, which has to succeed."""
        body = {"issueIdsOrKeys": list(keys), "fields": fields or ["summary"], **more}
        answer = self.post("/rest/api/2/issue/bulkfetch", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def found(self, jql: str, **more: Any) -> list[str]:
        """The keys on the first page of a Cloud search."""
        body = {"jql": jql, "fields": ["summary"], "maxResults": 100, **more}
        answer = self.post("/rest/api/3/search/jql", json=body)
        assert answer.status_code == 200, answer.text
        return [issue["key"] for issue in answer.json()["issues"]]

    def fault(self, *rules: Mapping[str, Any]) -> None:
        """Put fault rules in force."""
        self.post("/_sim/faults", json=list(rules)).raise_for_status()

    def webhook_summary(self) -> dict[str, Any]:
        """The totals of all deliveries once none is pending any more."""

        def settled() -> dict[str, Any] | None:
            answer = self.get("/_sim/webhooks/deliveries?limit=0").json()
            found: dict[str, Any] = answer["summary"]
            return found if found["total"] and not found["pending"] else None

        return eventually(settled, within=20) or {}

    def set(self, **settings: object) -> None:
        """Change settings at run time."""
        self.patch("/_sim/settings", json=settings).raise_for_status()


@contextmanager
def cloud(**config: Any) -> Iterator[Client]:
    """A running Cloud with few tickets and a client of it."""
    with _running(Deployment.CLOUD, config) as client:
        yield client


@contextmanager
def data_center(**config: Any) -> Iterator[Client]:
    """A running Data Center with few tickets and a client of it."""
    with _running(Deployment.SERVER, config) as client:
        yield client


@contextmanager
def _running(deployment: Deployment, config: dict[str, Any]) -> Iterator[Client]:
    settings: dict[str, Any] = {"port": 0, "tickets": 60, "deployment": deployment} | config
    with make_simulator(SimulatorConfig(**settings)) as simulator, Client(simulator) as client:
        yield client


def _check(answer: requests.Response, **_: Any) -> None:
    """Both documents, so that the project's own stays as strict as it says."""
    path = urlsplit(answer.url).path
    if "/rest/api/" not in path or not _is_json(answer):
        return
    body = answer.json() if answer.content else None
    if isinstance(body, dict) and "status-code" in body:
        return  # not a route of this deployment: the web server answers, not Jira
    for contract in (AtlassianContract.load(), AtlassianContract.at(OWN)):
        contract.validate_response(str(answer.request.method), path, answer.status_code, body)


def _is_json(answer: requests.Response) -> bool:
    """Whether the answer is JSON. Answers broken on purpose have their own tests."""
    try:
        answer.json()
    except requests.JSONDecodeError:
        return not answer.content
    return True


@dataclass(frozen=True, slots=True)
class Received:
    """One request a receiver got; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """An HTTP server that keeps what it gets and answers as ``answer`` says."""

    answer: Callable[[int], int] = lambda _: 202
    got: list[Received] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    _lock: Lock = field(default_factory=Lock)
    _server: HttpServer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/hook"

    def __enter__(self) -> Self:
        self._server = HttpServer(("127.0.0.1", 0), self._take)
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()

    def _take(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.got.append(_received(environ))
            number = len(self.got)
        start_response(f"{self.answer(number)} Answer", [])
        with self._lock:
            self.running -= 1
        return [b""]


def _received(environ: Environ) -> Received:
    names = {k[5:].lower().replace("_", "-"): v for k, v in environ.items() if k[:5] == "HTTP_"}
    query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
    return Received(f"{environ['PATH_INFO']}{query}", names, environ["wsgi.input"].read())
