"""The API behind its real server: memory, bodies and faults that only a socket shows."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.support.servers.processes import Parts, parts, with_open_mode
from tests.support.waiting import eventually
from worker.dev.valkey import free_port

JOBS = 100_000
MIB = 1024 * 1024
_MANY_JOBS = text("""
INSERT INTO jobs (id, name, goal_quantity, jira_ticket_key, jira_ticket_summary, jira_labels)
SELECT 'job_' || lpad(n::text, 26, '0'), 'JOB-' || n, 5, 'PI-' || n, repeat('Build ', 20),
    ARRAY['rush', 'Q1-2024']
FROM generate_series(1, :many) AS n
""")


class Server:
    """`routecard api` on a port of its own."""

    def __init__(self, running: Parts, port: int) -> None:
        self.running = running
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def memory(self) -> int:
        """The private memory of the serving process, in bytes."""
        members = self.running.pool_processes("api")
        return max(process.memory_full_info().uss for process in members)

    def raw(self, request: bytes) -> bytes:
        """The answer to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(self._addressed(request))
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def broken_off(self, request: bytes) -> bytes:
        """The answer to these bytes, after which the client closes its side."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(self._addressed(request))
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def _addressed(self, request: bytes) -> bytes:
        return request.replace(b"Host: HOST", f"Host: 127.0.0.1:{self.port}".encode())


@pytest.fixture
def server(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[Server]:
    """The API as `routecard api` starts it."""
    port = free_port()
    assert settings.database_url
    assert settings.redis_url
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "ROUTECARD_PORT": str(port),
        "ROUTECARD_HOME": str(tmp_path / "home"),
    }
    with begin(engine) as session:
        session.execute(text("SELECT 1"))
    with parts(with_open_mode(environment), tmp_path) as running:
        running.start("api")
        made = Server(running, port)
        eventually(lambda: answers(made), within=60)
        yield made


def answers(server: Server) -> bool:
    """Whether the server takes requests."""
    try:
        return requests.get(f"{server.url}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


def warm(server: Server) -> int:
    """Send one request of each kind; returns the memory it uses when idle."""
    for _ in range(20):
        requests.get(f"{server.url}/api/jobs?limit=1000", timeout=30).raise_for_status()
    return server.memory()


def store(engine: Engine, count: int = JOBS) -> None:
    """Have many jobs."""
    with begin(engine) as session:
        session.execute(text("ALTER TABLE jobs DISABLE TRIGGER USER"))
        session.execute(_MANY_JOBS, {"many": count})


def peak_for_a_whole_list(server: Server) -> int:
    """The most memory it used while it streamed all jobs to a fast client."""
    peak, received = 0, bytearray()
    with requests.get(f"{server.url}/api/jobs", stream=True, timeout=60) as answer:
        for number, chunk in enumerate(answer.iter_content(256 * 1024)):
            received += chunk
            if number % 10 == 0:
                peak = max(peak, server.memory())
    listed = json.loads(received)
    assert len(received) > 30 * MIB
    assert len({job["id"] for job in listed}) == len(listed) == JOBS
    assert listed[0]["id"] > listed[-1]["id"]
    return peak


def peak_for_a_slow_client(server: Server) -> int:
    """The most memory it used while a client requested all jobs and read almost nothing."""
    request = f"GET /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        seen = [server.memory()]

        def looked_often() -> bool:
            seen.append(server.memory())
            return len(seen) > 30

        eventually(looked_often, within=30, every=0.2)
    return max(seen)


def test_a_hundred_thousand_jobs_stream_while_memory_stays(server: Server, engine: Engine) -> None:
    store(engine, 2000)
    idle = warm(server)
    with begin(engine) as session:
        session.execute(text("TRUNCATE jobs CASCADE"))
    store(engine)
    assert peak_for_a_whole_list(server) - idle < 30 * MIB
    assert peak_for_a_slow_client(server) - idle < 30 * MIB
    assert requests.get(f"{server.url}/healthz", timeout=5).ok


def test_clients_that_ask_for_everything_and_read_nothing_leave_room_for_others(
    server: Server, engine: Engine
) -> None:
    store(engine)
    request = f"GET /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    with ExitStack() as opened:
        silent = [
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            for _ in range(40)
        ]
        for connection in silent:
            connection.sendall(request)
        begun = [connection.recv(1000) for connection in silent]
        refused = [answer for answer in begun if answer.startswith(b"HTTP/1.1 429")]
        assert refused
        assert all(b"retry-after: " in answer.lower() for answer in refused)
        for address in ("/healthz", "/api/jobs?limit=1000"):
            assert requests.get(server.url + address, timeout=10).ok
    answer = eventually(lambda: whole_list(server), within=30)
    assert len(answer) == JOBS


def whole_list(server: Server) -> list[Any]:
    """All jobs, streamed; none while no slot is free."""
    answer = requests.get(f"{server.url}/api/jobs", timeout=60)
    return answer.json() if answer.ok else []


def test_a_fault_in_the_middle_of_a_list_never_looks_like_its_end(
    server: Server, engine: Engine
) -> None:
    store(engine)
    with requests.get(f"{server.url}/api/jobs", stream=True, timeout=60) as answer:
        chunks = answer.iter_content(64 * 1024)
        received = bytearray(next(chunks))
        with begin(engine) as session:
            session.execute(text("ALTER TABLE jobs RENAME TO gone"))
        with suppress(requests.exceptions.ChunkedEncodingError):
            for chunk in chunks:
                received += chunk
    assert received.count(b'"id"') < JOBS
    with pytest.raises(json.JSONDecodeError):
        json.loads(received)


def test_the_sender_of_a_too_large_body_gets_the_answer(server: Server) -> None:
    for address, limit in (("/api/jobs", MIB), ("/api/jobs/bulk", 8 * MIB)):
        for body in (b" " * (limit + 1), b" " * 24 * MIB, iter([b" " * MIB] * 12)):
            answer = requests.post(
                server.url + address,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=30,
            )
            assert answer.status_code == 413
            assert f"larger than {limit} bytes" in answer.json()["message"]


HEAD = b"POST /api/jobs HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
CUT_SHORT = {
    "less than its length": (HEAD + b'Content-Length: 100\r\n\r\n{"name": "x", "goalQuantity": 1}'),
    "a chunk cut off": (
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"name": "x", "goalQuantity"'
    ),
    "no last chunk": (
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n1b\r\n{"name": "x", "goalQuantity"\r\n'
    ),
}


def test_bodies_that_break_off_or_go_on_too_long_store_nothing(
    server: Server, engine: Engine
) -> None:
    for request in CUT_SHORT.values():
        answer = server.broken_off(request)
        assert not answer or answer.startswith(b"HTTP/1.1 400"), answer
    chunked = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    blanks = b"10000\r\n" + b" " * 65536 + b"\r\n"
    refused = server.raw(chunked + blanks * 17 + b"0\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 413")
    assert b"Request body is larger than 1048576 bytes" in refused
    with begin(engine) as session:
        assert session.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 0
    whole = b'20\r\n{"name": "x", "goalQuantity": 1}\r\n0\r\n\r\n'
    assert server.raw(chunked + whole).startswith(b"HTTP/1.1 201")


def test_a_server_that_is_stopped_writes_the_rejections_it_has_counted(
    server: Server, engine: Engine
) -> None:
    for _ in range(3):
        assert requests.post(f"{server.url}/api/webhooks/jira", timeout=5).status_code == 401
    server.running.stop("api")
    with begin(engine) as session:
        count = session.execute(text("SELECT sum(count) FROM webhook_rejections")).scalar_one()
    assert count == 3
