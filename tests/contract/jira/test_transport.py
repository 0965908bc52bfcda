"""Answers that never end: each call ends within its time limit."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat

import pytest

from shared.clock import SystemClock
from shared.settings import Deployment, Settings
from tests.support.servers.wire import Piece, wire_server
from tests.support.waiting import eventually
from worker.jira.client import Jira, make_jira
from worker.jira.errors import JiraUnavailable
from worker.jira.http import transport
from worker.jira.port import Account

BODY = json.dumps({"accountId": "712020:ab", "displayName": "Ada"}).encode()
TIMEOUT = 0.6


def head(length: int | None = None, *, more: str = "", status: str = "200 OK") -> bytes:
    size = "" if length is None else f"Content-Length: {length}\r\n"
    kind = "Content-Type: application/json\r\n"
    return f"HTTP/1.1 {status}\r\n{kind}{size}{more}\r\n".encode()


def drip(data: bytes) -> Iterator[Piece]:
    """One byte at a time, with pauses shorter than any timeout on silence."""
    return chain.from_iterable((bytes([byte]), 0.05) for byte in data)


def endless_header() -> Iterator[Piece]:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from drip(b"X-Slow: " + b"x" * 400)


def endless_chunk() -> Iterator[Piece]:
    yield head(more="Transfer-Encoding: chunked\r\n")
    yield b"ffff\r\n"
    yield from drip(b" " * 400)


def endless_chunks() -> Iterator[Piece]:
    yield head(more="Transfer-Encoding: chunked\r\n")
    yield from chain.from_iterable(repeat((b"1\r\n \r\n", 0.05), 400))


def endless_interim() -> Iterator[Piece]:
    yield from chain.from_iterable(repeat((b"HTTP/1.1 100 Continue\r\n\r\n", 0.05), 400))


SLOW: dict[str, Callable[[], Iterator[Piece]]] = {
    "status line": lambda: drip(head(400)),
    "header": endless_header,
    "interim answers": endless_interim,
    "body": lambda: chain([head(400)], drip(b" " * 400)),
    "body without a length": lambda: chain([head(more="Connection: close\r\n")], drip(b" " * 400)),
    "one chunk": endless_chunk,
    "many chunks": endless_chunks,
    "silence": lambda: iter((60.0,)),
    "silence in the body": lambda: iter((head(400), b"{", 60.0)),
}


@contextmanager
def client(url: str, *, timeout: float = TIMEOUT) -> Iterator[Jira]:
    settings = Settings(
        jira_base_url=url,
        jira_email="a@b.example",
        jira_api_token="hush",
        jira_deployment=Deployment.CLOUD,
        jira_timeout_seconds=timeout,
        lease_seconds=600,
    )
    jira = make_jira(settings, clock=SystemClock())
    try:
        yield jira
    finally:
        jira.close()


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW.keys())
def test_an_answer_that_drips_is_cut_off_in_time(script: Callable[[], Iterator[Piece]]) -> None:
    with wire_server(script) as url, client(url) as jira:
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(JiraUnavailable) as failed:
                jira.verify()
            assert time.monotonic() - started < TIMEOUT + 10
            assert "did not finish" in failed.value.message


def test_a_slow_answer_within_its_time_is_taken() -> None:
    def script() -> Iterator[Piece]:
        return chain([head(len(BODY))], drip(BODY[:4]), [BODY[4:]])

    with wire_server(script) as url, client(url) as jira:
        assert jira.verify().display_name == "Ada"


PACKED = gzip.compress(BODY)
PLAIN: dict[str, list[bytes]] = {
    "length": [head(len(BODY)), BODY],
    "chunks": [
        head(more="Transfer-Encoding: chunked\r\n"),
        b"5\r\n" + BODY[:5] + b"\r\n",
        f"{len(BODY) - 5:x}\r\n".encode() + BODY[5:] + b"\r\n0\r\n\r\n",
    ],
    "gzip": [head(len(PACKED), more="Content-Encoding: gzip\r\n"), PACKED],
}


@pytest.mark.parametrize("pieces", PLAIN.values(), ids=PLAIN.keys())
def test_answers_are_whole_and_the_connection_is_kept(pieces: list[bytes]) -> None:
    served: list[int] = []

    def script() -> Iterator[Piece]:
        served.append(threading.get_ident())
        return iter(pieces)

    with wire_server(script) as url, client(url) as jira:
        assert [jira.verify().account_id for _ in range(3)] == ["712020:ab"] * 3
    assert len(served) == 3
    assert len(set(served)) == 1


BOMB = gzip.compress(b" " * 4_000_000)
CUT: dict[str, list[bytes]] = {
    "in the head": [b"HTTP/1.1 200 OK\r\nContent-"],
    "before the body": [head(len(BODY))],
    "in the body": [head(len(BODY)), BODY[:9]],
    "in a chunk": [head(more="Transfer-Encoding: chunked\r\n"), b"40\r\n" + BODY[:9]],
    "before a chunk": [head(more="Transfer-Encoding: chunked\r\n"), b"5\r\n" + BODY[:5] + b"\r\n"],
    "in the packing": [head(len(PACKED), more="Content-Encoding: gzip\r\n"), PACKED[:20]],
    "no HTTP": [b"SSH-2.0-OpenSSH_9.6\r\n"],
    "no packing": [head(4, more="Content-Encoding: gzip\r\n"), b"oops"],
    "too large": [head(len(BOMB), more="Content-Encoding: gzip\r\n"), BOMB],
    "too large by far": [head(10**12), b" " * 2_000_000],
    "endless head": [b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000],
}


@pytest.mark.parametrize("pieces", CUT.values(), ids=CUT.keys())
def test_an_answer_that_breaks_off_or_bursts_is_no_answer(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport.BoundedAdapter.__init__, "__kwdefaults__", {"largest": 1_000_000})

    def script() -> Iterator[Piece]:
        yield from pieces
        raise ConnectionAbortedError

    with wire_server(script) as url, client(url) as jira:
        started = time.monotonic()
        with pytest.raises(JiraUnavailable):
            jira.verify()
        assert time.monotonic() - started < TIMEOUT + 10


def test_after_a_cut_answer_the_next_one_comes_over_a_new_connection() -> None:
    scripts: list[list[Piece]] = [[head(400), b"{", 60.0], [head(len(BODY)), BODY]]
    answers = iter(scripts)

    with wire_server(lambda: iter(next(answers))) as url, client(url) as jira:
        with pytest.raises(JiraUnavailable):
            jira.verify()
        assert isinstance(jira.verify(), Account)


def test_a_redirect_is_not_followed_and_carries_no_credentials_away() -> None:
    asked: list[int] = []

    def elsewhere() -> Iterator[Piece]:
        asked.append(1)
        return iter([head(len(BODY)), BODY])

    with wire_server(elsewhere) as other:
        moved = head(0, more=f"Location: {other}/login\r\n", status="302 Found")
        with (
            wire_server(lambda: iter([moved])) as url,
            client(url) as jira,
            pytest.raises(JiraUnavailable, match="redirects us"),
        ):
            jira.verify()
    assert not asked


def test_no_timer_outlives_its_exchange() -> None:
    with wire_server(lambda: iter([head(len(BODY)), BODY])) as url, client(url, timeout=60) as jira:
        before = threading.active_count()
        for _ in range(20):
            jira.verify()
        assert eventually(lambda: threading.active_count() <= before + 1)
