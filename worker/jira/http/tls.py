"""Whom we trust in TLS, and which certificate we show: from files that the settings name."""

import ssl
from contextlib import suppress
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.settings import Settings
from worker.jira.errors import JiraUnavailable


class _KeyIsEncryptedError(Exception):
    pass


def tls_context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer, with verification. Raises JiraUnavailable, which names a bad file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not settings.ca_bundles:
        context.load_verify_locations(cafile=DEFAULT_CA_BUNDLE_PATH)
    for setting, path in settings.ca_bundles.items():
        # A file may hold an intermediate authority alone, or the certificate of Jira itself.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _trust(context, setting, path)
    if settings.jira_client_cert is not None:
        _show(context, settings.jira_client_cert, settings.jira_client_key)
    return context


def _trust(context: ssl.SSLContext, setting: str, path: Path) -> None:
    """Trust every certificate in a file, or in the files of a folder; PEM or DER."""
    known = context.cert_store_stats()["x509"]
    try:
        files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        for content, file in [(one.read_bytes(), one) for one in files]:
            with suppress(ssl.SSLError, ValueError):  # a folder may hold other files
                if b"-----BEGIN" in content:
                    context.load_verify_locations(cafile=file)
                else:
                    context.load_verify_locations(cadata=content)
    except OSError as error:
        raise _unusable(setting, path, _words(error)) from None
    if not known and not context.cert_store_stats()["x509"]:
        raise _unusable(setting, path, "it holds no certificate")


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    named = [("JIRA_CLIENT_CERT", certificate)] + ([("JIRA_CLIENT_KEY", key)] if key else [])
    for setting, path in named:
        try:
            path.read_bytes()
        except OSError as error:
            raise _unusable(setting, path, _words(error)) from None
    setting, path = named[-1]
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _KeyIsEncryptedError:
        raise _unusable(
            setting, path, "the key is encrypted; write it without a passphrase (openssl pkey)"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _unusable(setting, path, "the key is not that of the certificate") from None
        raise _unusable(
            "JIRA_CLIENT_CERT", certificate, "certificate and key, in PEM form, were not found"
        ) from None


def _no_password() -> str:
    """Called for an encrypted key; without it OpenSSL would ask on the terminal."""
    raise _KeyIsEncryptedError


def _words(error: OSError) -> str:
    return {
        FileNotFoundError: "there is no such file or folder",
        PermissionError: "we may not read it",
    }.get(type(error), error.strerror or type(error).__name__)


def _unusable(setting: str, path: Path, why: str) -> JiraUnavailable:
    return JiraUnavailable(
        f"{setting} cannot be used: {path}: {why}",
        remedy=f"Correct {setting} or its file; in a container, mount the file. It is read again "
        "at the next call.",
    )
