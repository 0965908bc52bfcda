"""Receiving webhooks with a real server: raw bytes, chunks, and what must not be logged."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from shared.settings import Settings
from shared.webhooks.signatures import sign, token_hash
from tests.support.jira.hooks import Inbox, payload
from tests.support.servers.processes import Parts, parts
from tests.support.waiting import eventually

SECRET = "signed over the wire"
TOKEN = "a-token-for-the-address"
BODY = json.dumps(payload()).encode()


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[tuple[str, Parts]]:
    """The API as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert settings.database_url is not None
    assert settings.redis_url is not None
    environment = {
        "ROUTECARD_HOME": str(tmp_path),
        "ROUTECARD_PORT": str(port),
        "ROUTECARD_LOG_LEVEL": "DEBUG",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "JIRA_WEBHOOK_SECRET": SECRET,
        "JIRA_WEBHOOK_TOKEN_HASH": token_hash(TOKEN),
    }
    address = f"http://127.0.0.1:{port}/api/webhooks/jira"
    with parts(environment, tmp_path) as running:
        running.start("api")
        eventually(lambda: answers(address), within=30)
        yield address, running


def answers(address: str) -> bool:
    """Whether the server is up: it answers 401 without proof."""
    try:
        return requests.post(address, timeout=5).status_code == 401
    except requests.ConnectionError:
        return False


def test_the_door_over_a_real_server(server: tuple[str, Parts], engine: Engine) -> None:
    address, running = server
    signed = {"X-Hub-Signature": sign(BODY, secret=SECRET)}
    assert requests.post(address, BODY, headers=signed, timeout=10).status_code == 202
    in_chunks = iter([BODY[:7], BODY[7:]])
    assert requests.post(address, in_chunks, headers=signed, timeout=10).status_code == 200
    assert requests.post(address, BODY + b" ", headers=signed, timeout=10).status_code == 401
    hint = requests.post(address, b"{}", params={"token": TOKEN, "key": "PI-42"}, timeout=10)
    assert hint.status_code == 202
    wrong = requests.post(address, b"{}", params={"token": f"{TOKEN}-not"}, timeout=10)
    assert wrong.status_code == 401
    first, second = Inbox(engine).rows()
    assert (first.body, first.duplicates, first.signed) == (BODY, 1, True)
    assert (second.ticket_key, second.signed) == ("PI-42", False)
    assert TOKEN not in running.log("api")


def test_a_body_without_end_is_cut_off_at_25_mib(server: tuple[str, Parts]) -> None:
    address, _ = server
    headers = {"X-Hub-Signature": "sha256=" + "0" * 64}
    endless = (b"x" * 1_000_000 for _ in range(40))
    try:
        status = requests.post(address, endless, headers=headers, timeout=30).status_code
    except requests.ConnectionError:
        status = 413  # the server hung up on a sender that went on talking
    assert status == 413
    assert answers(address)


def test_a_25_mib_body_that_is_signed_is_taken(server: tuple[str, Parts], engine: Engine) -> None:
    address, _ = server
    body = b'{"x": "' + b"x" * (25 * 1024 * 1024 - 9) + b'"}'
    assert len(body) == 25 * 1024 * 1024
    headers = {"X-Hub-Signature": sign(body, secret=SECRET)}
    assert requests.post(address, body, headers=headers, timeout=60).status_code == 202
    assert Inbox(engine).rows()[0].body_size == len(body)
    assert requests.post(address, body + b" ", headers=headers, timeout=60).status_code == 413
