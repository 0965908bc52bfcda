"""Jira behind a proxy: which one is used, and whose fault a failure is."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import trustme

from shared.clock import SystemClock
from shared.settings import Deployment, Settings
from tests.support.servers.http_proxy import HttpProxy
from tests.support.servers.wire import Piece, json_answer, wire_server
from worker.jira.client import make_jira
from worker.jira.errors import JiraUnavailable

ANSWER = json_answer(b'{"accountId": "712020:ab", "displayName": "Ada"}')


def answer() -> Iterator[Piece]:
    return iter([ANSWER])


def verified(url: str, **values: Any) -> str:
    """Whom Jira knows us as; raises JiraError."""
    made = {"jira_pat": "hush", "jira_timeout_seconds": 5.0} | values
    settings = Settings(jira_base_url=url, jira_deployment=Deployment.DATACENTER, **made)
    with closing(make_jira(settings, clock=SystemClock())) as jira:
        return jira.verify().display_name


def refusal(url: str, **values: Any) -> JiraUnavailable:
    with pytest.raises(JiraUnavailable) as failed:
        verified(url, **values)
    error = failed.value
    assert "pass%20word" not in f"{error.message} {error.remedy} {error.__cause__}"
    assert "pass word" not in f"{error.message} {error.remedy} {error.__context__}"
    return error


@pytest.fixture(params=["http", "https"])
def jira(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The address of a Jira that answers, and what is needed to trust it."""
    if request.param == "http":
        with wire_server(answer) as url:
            yield {"url": url}
        return
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with wire_server(answer, tls=context) as url:
        yield {"url": url, "jira_ca_bundle": tmp_path / "ca.pem"}


def proxied(jira: dict[str, Any], proxy: str) -> dict[str, Any]:
    """The client's settings, with a proxy for the scheme of this Jira."""
    setting = "https_proxy" if jira["url"].startswith("https:") else "http_proxy"
    return {**jira, setting: proxy}


def test_jira_is_reached_through_a_proxy_that_asks_for_a_login(jira: dict[str, Any]) -> None:
    with HttpProxy(login="routecard:pass word") as proxy:
        reached = proxied(jira, f"http://routecard:pass%20word@{proxy.name}")
        assert verified(**reached) == "Ada"
        assert len(proxy.seen) == 1


def test_a_login_that_the_proxy_refuses_is_the_proxys(jira: dict[str, Any]) -> None:
    with HttpProxy(login="routecard:right") as proxy:
        for login in ("", "routecard:pass%20word@"):
            error = refusal(**proxied(jira, f"http://{login}{proxy.name}"))
            assert f"the proxy {proxy.name} asks for a login" in error.message
            assert "407" in error.message
            assert f"http://user:password@{proxy.name}" in error.remedy


@pytest.mark.parametrize(
    ("status", "words"), [(403, "does not let us through"), (502, "does not reach")]
)
def test_a_tunnel_that_the_proxy_refuses_is_not_jira(status: int, words: str) -> None:
    with HttpProxy(refusal=status) as proxy:
        error = refusal("https://jira.example", https_proxy=f"http://u:pass%20word@{proxy.name}")
    assert f"the proxy {proxy.name} {words}" in error.message
    assert "jira.example" in error.message
    assert error.remedy


def test_an_error_page_of_a_forwarding_proxy_names_the_proxy() -> None:
    with HttpProxy(refusal=503) as proxy:
        error = refusal("http://jira.example", http_proxy=proxy.name)
    assert f"through the proxy {proxy.name}" in error.message


def test_a_proxy_that_is_away_is_told_apart_from_jira(jira: dict[str, Any]) -> None:
    error = refusal(**proxied(jira, "http://routecard:pass%20word@127.0.0.1:9"))
    assert error.message == "the proxy 127.0.0.1:9 refuses connections"
    assert "NO_PROXY" in error.remedy
    direct = refusal("http://127.0.0.1:9")
    assert direct.message == "127.0.0.1:9 refuses connections"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_environment_names_the_proxy_in_either_case(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wire_server(answer) as url, HttpProxy() as proxy:
        monkeypatch.setenv(name, f"http://{proxy.name}")
        assert verified(url) == "Ada"
        assert len(proxy.seen) == 1


@pytest.mark.parametrize("listed", ["127.0.0.1", "localhost,127.0.0.0/8", "*"])
def test_a_host_in_no_proxy_is_reached_directly(
    listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", listed)
    with wire_server(answer) as url:
        assert verified(url) == "Ada"


@pytest.mark.parametrize(
    "address", ["socks5://127.0.0.1:1080", "http://", "http://u:p@[::1", "http://u:%E2%98%83@h:1"]
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_setting(address: str) -> None:
    error = refusal("https://jira.example", https_proxy=address)
    assert error.message.startswith("HTTPS_PROXY is not")


def test_netrc_replaces_neither_our_login_nor_adds_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    sent: list[str] = []

    def observe(request: Any, _response: Any) -> None:
        sent.append(request.headers["Authorization"])

    with wire_server(answer) as url:
        settings = Settings(jira_base_url=url, jira_pat="hush")
        with closing(make_jira(settings, clock=SystemClock(), observe=observe)) as jira:
            jira.verify()
    assert sent == ["Bearer hush"]


def test_a_proxy_that_drips_its_answer_costs_no_more_than_one_call() -> None:
    def drip() -> Iterator[Piece]:
        return chain.from_iterable((b"x", 0.05) for _ in range(1200))

    with wire_server(drip) as url:
        error = refusal("https://jira.example", https_proxy=url, jira_timeout_seconds=0.6)
    assert "did not finish" in error.message
