"""Jira with certificates of a private authority: whom we trust, and the words for each fault."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from shared.clock import SystemClock
from shared.settings import Settings
from tests.support.servers.wire import Piece, json_answer, wire_server
from worker.jira.client import make_jira
from worker.jira.errors import JiraUnavailable

ANSWER = json_answer(b'{"accountId": "712020:ab", "displayName": "Ada"}')
AUTHORITY = trustme.CA()
SERVER = AUTHORITY.issue_cert("localhost")


@pytest.fixture(autouse=True)
def _no_authorities_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JIRA_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def answer() -> Iterator[Piece]:
    return iter([ANSWER])


@contextmanager
def jira(
    certificate: trustme.LeafCert = SERVER, *, clients: trustme.CA | None = None
) -> Iterator[str]:
    """The address of a Jira with this certificate, which may ask clients for one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(context)
    with wire_server(answer, tls=context) as url:
        yield url


def verified(url: str, **values: Any) -> str:
    """Whom Jira knows us as; raises JiraError."""
    made = {"jira_pat": "hush", "jira_timeout_seconds": 5.0} | values
    settings = Settings(jira_base_url=url, **made)
    with closing(make_jira(settings, clock=SystemClock())) as client:
        return client.verify().display_name


def refusal(url: str, **values: Any) -> JiraUnavailable:
    with pytest.raises(JiraUnavailable) as failed:
        verified(url, **values)
    return failed.value


def in_a_file(folder: Path) -> Path:
    path = folder / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    return path


def in_a_file_of_many(folder: Path) -> Path:
    path = folder / "all.pem"
    path.write_bytes(
        b"# Certs of Pr\xc3\xbcfstelle\n"
        + trustme.CA().cert_pem.bytes()
        + AUTHORITY.cert_pem.bytes()
    )
    return path


def in_der(folder: Path) -> Path:
    path = folder / "ca.cer"
    certificate = load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    path.write_bytes(certificate.public_bytes(Encoding.DER))
    return path


def in_a_folder(folder: Path) -> Path:
    in_a_file(folder)
    (folder / "README").write_text("no certificate")
    (folder / "empty").touch()
    return folder


def the_servers_own(folder: Path) -> Path:
    path = folder / "jira.pem"
    path.write_bytes(SERVER.cert_chain_pems[0].bytes())
    return path


@pytest.mark.parametrize(
    "place",
    [in_a_file, in_a_file_of_many, in_der, in_a_folder, the_servers_own],
    ids=lambda place: place.__name__,
)
def test_a_private_authority_is_trusted_in_every_form(
    place: Callable[[Path], Path], tmp_path: Path
) -> None:
    with jira() as url:
        assert verified(url, jira_ca_bundle=place(tmp_path)) == "Ada"


@pytest.mark.parametrize("name", ["JIRA_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_may_name_it_as_other_programs_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(in_a_file(tmp_path)))
    with jira() as url:
        assert verified(url) == "Ada"


def expired() -> trustme.LeafCert:
    yesterday = SystemClock().now() - timedelta(days=1)
    return AUTHORITY.issue_cert("localhost", not_after=yesterday)


FAULTS: dict[str, tuple[Callable[[], trustme.LeafCert], bool, str, str]] = {
    "unknown authority": (lambda: SERVER, False, "an authority that we do not trust", "JIRA_CA"),
    "wrong authority": (
        lambda: trustme.CA().issue_cert("localhost"),
        True,
        "an authority that we do not trust",
        "ca.pem) do not hold",
    ),
    "expired": (expired, True, "has expired", "renewed"),
    "other name": (lambda: AUTHORITY.issue_cert("other.example"), True, "another host", "name"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_certificate_that_is_not_accepted_is_told_with_its_cause_and_remedy(
    fault: tuple[Callable[[], trustme.LeafCert], bool, str, str], tmp_path: Path
) -> None:
    certificate, trusting, words, remedy = fault
    values = {"jira_ca_bundle": in_a_file(tmp_path)} if trusting else {}
    with jira(certificate()) as url:
        error = refusal(url, **values)
    assert "the certificate of localhost" in error.message
    assert words in error.message
    assert remedy in error.remedy


def test_an_authority_that_is_set_replaces_the_public_ones(tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(trustme.CA().cert_pem.bytes())
    with jira() as url:
        assert "do not trust" in refusal(url, jira_ca_bundle=tmp_path / "other.pem").message


def test_a_file_of_authorities_that_is_missing_or_empty_is_named_and_read_when_it_is_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ca.pem"
    with jira() as url:
        settings = Settings(
            jira_base_url=url, jira_pat="hush", jira_timeout_seconds=5, jira_ca_bundle=path
        )
        with closing(make_jira(settings, clock=SystemClock())) as client:
            with pytest.raises(JiraUnavailable, match=r"JIRA_CA_BUNDLE.*there is no such file"):
                client.verify()
            path.write_text("oops")
            with pytest.raises(JiraUnavailable, match=r"JIRA_CA_BUNDLE.*holds no certificate"):
                client.verify()
            in_a_file(tmp_path)
            assert client.verify().display_name == "Ada"


def test_a_server_without_tls_is_told() -> None:
    with wire_server(lambda: iter([b""])) as url:
        error = refusal(url.replace("http:", "https:"), jira_timeout_seconds=0.5)
        assert "did not finish" in error.message  # it waits for the end of a request
    with socket.create_server(("127.0.0.1", 0)) as listener:
        speaking = threading.Thread(target=_say_who_it_is, args=(listener,))
        speaking.start()
        error = refusal(f"https://127.0.0.1:{listener.getsockname()[1]}")
        speaking.join()
    assert "does not speak TLS on this port" in error.message


def _say_who_it_is(listener: socket.socket) -> None:
    with listener.accept()[0] as connection, suppress(ConnectionResetError):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        while connection.recv(65536):
            pass


def test_a_server_with_an_old_tls_is_told() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    SERVER.configure_cert(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with wire_server(answer, tls=context) as url:
        assert "no version of TLS in common" in refusal(url).message


def client_files(folder: Path, authority: trustme.CA, password: bytes | None = None) -> Any:
    """A client certificate and its key, as two files."""
    leaf = authority.issue_cert("routecard@example.com")
    (folder / "client.pem").write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    key = leaf.private_key_pem.bytes()
    if password:
        key = load_pem_private_key(key, None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
        )
    (folder / "client.key").write_bytes(key)
    both = {"jira_client_cert": folder / "client.pem", "jira_client_key": folder / "client.key"}
    return {"jira_ca_bundle": in_a_file(folder), **both}


def test_a_client_certificate_is_shown_to_a_jira_that_asks_for_one(tmp_path: Path) -> None:
    clients = trustme.CA()
    with jira(clients=clients) as url:
        assert verified(url, **client_files(tmp_path, clients)) == "Ada"
        in_one = tmp_path / "both.pem"
        in_one.write_bytes(
            (tmp_path / "client.key").read_bytes() + (tmp_path / "client.pem").read_bytes()
        )
        bundle = in_a_file(tmp_path)
        assert verified(url, jira_ca_bundle=bundle, jira_client_cert=in_one) == "Ada"
        error = refusal(url, jira_ca_bundle=bundle)
        assert "client certificate" in error.message
        assert "JIRA_CLIENT_CERT" in error.remedy
        other = refusal(url, **client_files(tmp_path, trustme.CA()))
        assert "because of our client certificate" in other.message


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "client.pem").unlink(), "JIRA_CLIENT_CERT.*no such file"),
        (lambda folder: (folder / "client.key").unlink(), "JIRA_CLIENT_KEY.*no such file"),
        (lambda folder: (folder / "client.pem").write_text("x"), "JIRA_CLIENT_CERT.*not found"),
        (
            lambda folder: (folder / "client.key").write_bytes(SERVER.private_key_pem.bytes()),
            "JIRA_CLIENT_KEY.*not that of the certificate",
        ),
        (
            lambda folder: client_files(folder, trustme.CA(), password=b"x"),
            "JIRA_CLIENT_KEY.*encrypted",
        ),
    ],
)
def test_files_of_a_client_certificate_that_cannot_be_used_are_named(
    spoil: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    values = client_files(tmp_path, trustme.CA())
    spoil(tmp_path)
    with pytest.raises(JiraUnavailable, match=words):
        verified("https://jira.example", **values)
