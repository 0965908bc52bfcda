"""Connections that a firewall or a server dropped while they were idle."""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import requests

from shared.clock import SystemClock
from shared.settings import Settings
from tests.support.servers.wire import Piece, json_answer, wire_server
from worker.jira.client import Jira, make_jira
from worker.jira.errors import JiraUnavailable
from worker.jira.http import pool, transport

ANSWER = json_answer(b'{"accountId": "712020:ab", "displayName": "Ada"}')
LIMIT = 30.0


def silence() -> Iterator[Piece]:
    """The server's side of a black hole: the request is lost, and nothing comes back."""
    yield 120.0


def goodbye() -> Iterator[Piece]:
    yield b""
    raise ConnectionResetError


def cut_status() -> Iterator[Piece]:
    yield b"HTTP/1.1 2"
    raise ConnectionResetError


class Server:
    """Answers the first request of each connection; what it does on later ones is ``then``."""

    def __init__(self, then: Callable[[], Iterator[Piece]]) -> None:
        self.then = then
        self.requests: Counter[threading.Thread] = Counter()

    def script(self) -> Iterator[Piece]:
        connection = threading.current_thread()
        self.requests[connection] += 1
        return iter([ANSWER]) if self.requests[connection] == 1 else self.then()


def client(url: str, *, timeout: float = LIMIT) -> Jira:
    settings = Settings(
        jira_base_url=url, jira_pat="hush", jira_timeout_seconds=timeout, lease_seconds=600
    )
    return make_jira(settings, clock=SystemClock())


@pytest.mark.parametrize("then", [silence, goodbye, cut_status], ids=lambda then: then.__name__)
def test_a_stale_connection_costs_a_moment_and_is_no_failure_of_jira(
    then: Callable[[], Iterator[Piece]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 0.3)
    server = Server(then)
    with wire_server(server.script) as url, closing(client(url)) as jira:
        started = time.monotonic()
        assert [jira.verify().display_name for _ in range(3)] == ["Ada"] * 3
        assert time.monotonic() - started < LIMIT / 2
    assert sorted(server.requests.values()) == [1, 2, 2]


def test_a_jira_that_is_silent_on_new_connections_too_gets_no_more_than_the_time_of_one_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 0.2)
    scripts = iter([iter([ANSWER])])
    with (
        wire_server(lambda: next(scripts, silence())) as url,
        closing(client(url, timeout=1.0)) as jira,
    ):
        jira.verify()
        started = time.monotonic()
        with pytest.raises(JiraUnavailable, match="did not finish"):
            jira.verify()
        assert time.monotonic() - started < 10


def test_a_slow_jira_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a slow answer, silence says nothing about the connection."""
    monkeypatch.setattr(transport, "PATIENCE", 0.05)
    asked: list[threading.Thread] = []

    def slowly() -> Iterator[Piece]:
        asked.append(threading.current_thread())
        return iter([0.4, ANSWER])

    with wire_server(slowly) as url, closing(client(url)) as jira:
        for _ in range(3):
            jira.verify()
    assert len(asked) == 3
    assert len(set(asked)) == 1


def test_a_connection_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(silence)
    with wire_server(server.script) as url, closing(client(url)) as jira:
        jira.verify()
        monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
        jira.verify()
    assert list(server.requests.values()) == [1, 1]


def test_sockets_are_kept_alive_and_fail_soon_where_the_system_can_do_it() -> None:
    adapter = transport.BoundedAdapter(total=5, tls=ssl.create_default_context())
    with wire_server(lambda: iter([ANSWER])) as url, closing(requests.Session()) as session:
        session.mount("http://", adapter)
        session.get(url, timeout=5)
        [key] = adapter.poolmanager.pools.keys()
        idle = adapter.poolmanager.pools[key].pool
        assert idle is not None
        connected = idle.get(block=False).sock
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for option, most in (("TCP_KEEPIDLE", 30), ("TCP_USER_TIMEOUT", 10_000)):
            if hasattr(socket, option):
                value = connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, option))
                assert 0 < value <= most
        connected.close()
