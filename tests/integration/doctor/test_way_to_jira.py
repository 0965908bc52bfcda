"""The doctor where something stands between here and Jira: one finding, its cause, its remedy."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from shared.settings import Settings
from tests.dsl import configured
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.http_proxy import HttpProxy
from tests.support.servers.wire import wire_server
from worker.doctor.findings import Finding, Status
from worker.doctor.run import examine

AUTHORITY = trustme.CA()
HOST = "jira.example"
SECRET = "geheim"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without the authorities that this machine's environment names."""
    return configured(settings, requests_ca_bundle=None, ssl_cert_file=None)


def failing(settings: Settings) -> Finding:
    """The only failed finding about Jira."""
    ours = {"database", "migrations", "broker", "api", "worker", "beat", "poll", "webhooks"}
    failed = [one for one in examine(settings) if one.status is Status.FAIL]
    [finding] = [one for one in failed if one.name not in ours]
    assert SECRET not in f"{finding.message} {finding.remedy}"
    return finding


@contextmanager
def answering(status: str, *fields: str, body: str = "") -> Iterator[dict[str, Any]]:
    """A server that gives every request the same answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""])
    with wire_server(lambda: iter([f"{head}{body}".encode()])) as url:
        yield {"jira_base_url": url}


@contextmanager
def behind(**proxy: Any) -> Iterator[dict[str, Any]]:
    """A Jira that is reached through a proxy."""
    with HttpProxy(**proxy) as made:
        address = f"http://routecard:{SECRET}@{made.name}"
        yield {"jira_base_url": f"https://{HOST}", "https_proxy": address}


@contextmanager
def no_proxy_there() -> Iterator[dict[str, Any]]:
    address = f"http://routecard:{SECRET}@127.0.0.1:9"
    yield {"jira_base_url": f"https://{HOST}", "https_proxy": address}


@contextmanager
def with_tls(host: str = "localhost", *, clients: bool = False) -> Iterator[dict[str, Any]]:
    """A server with a certificate of a private authority; it may ask for one of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(host).configure_cert(context)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(context)
    with wire_server(lambda: iter([b""]), tls=context) as url:
        yield {"jira_base_url": url}


FAULTS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "proxy's login": (lambda: behind(login="a:b"), "asks for a login, or refuses ours", "HTTPS_P"),
    "proxy's refusal": (lambda: behind(refusal=403), "does not let us through to", "CONNECT"),
    "beyond the proxy": (
        lambda: behind(refusal=502),
        f"does not reach {HOST}",
        "between the proxy",
    ),
    "no proxy": (no_proxy_there, "the proxy 127.0.0.1:9 refuses connections", "NO_PROXY"),
    "authority": (with_tls, "an authority that we do not trust", "JIRA_CA_BUNDLE"),
    "redirect": (
        lambda: answering("301 Moved", f"Location: https://{HOST}/rest/api/2/serverInfo"),
        f"it answers at https://{HOST}",
        f"Set JIRA_BASE_URL=https://{HOST}",
    ),
    "login page": (
        lambda: answering("302 Found", "Location: https://sso.example/login?x=geheim"),
        "a login page answered instead of Jira: that of sso.example",
        "JIRA_EXTRA_HEADERS",
    ),
    "Cloudflare Access": (
        lambda: answering("403 Forbidden", "Content-Type: text/html", "Cf-Access-Domain: x"),
        "a login page answered instead of Jira: that of Cloudflare Access",
        "JIRA_EXTRA_HEADERS",
    ),
    "no Basic": (
        lambda: answering(
            "403 Forbidden",
            "Content-Type: application/json",
            body='{"message": "Basic Authentication has been disabled on this instance"}',
        ),
        "Basic authentication is switched off",
        "JIRA_PAT",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_doctor_names_the_cause_and_the_remedy(
    settings: Settings, fault: tuple[Callable[[], Any], str, str]
) -> None:
    server, words, remedy = fault
    with server() as changes:
        finding = failing(configured(settings, **changes))
    assert words in finding.message
    assert remedy in finding.remedy


def test_the_doctor_names_what_is_wrong_with_certificates(
    settings: Settings, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(bundle)
    trusting = configured(settings, jira_ca_bundle=bundle)
    with with_tls("other.example") as changes:
        assert "for another host name" in failing(configured(trusting, **changes)).message
    with with_tls(clients=True) as changes:
        finding = failing(configured(trusting, **changes))
        assert "client certificate" in finding.message
        assert "JIRA_CLIENT_CERT" in finding.remedy
    missing = configured(
        trusting, jira_ca_bundle=tmp_path / "none.pem", jira_base_url="https://jira.example"
    )
    assert "JIRA_CA_BUNDLE cannot be used" in failing(missing).message


def test_a_jira_behind_a_proxy_is_well(settings: Settings, jira: SimulatedJira) -> None:
    with HttpProxy(login="routecard:geheim") as proxy:
        address = f"http://routecard:geheim@{proxy.name}"
        through = configured(settings, jira_base_url=jira.url, http_proxy=address)
        findings = {one.name: one for one in examine(through)}
        assert findings["jira"].status is Status.OK
        assert findings["credentials"].status is Status.OK
        assert proxy.seen
