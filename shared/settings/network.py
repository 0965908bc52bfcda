"""The settings of the way to Jira: proxies, certificates, headers."""

import re
from pathlib import Path
from typing import Self

import orjson
from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from shared.settings.variable import env

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OUR_OWN_HEADERS = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
}


def headers_from(text: str) -> dict[str, str]:
    """Headers by name, from a JSON object. Raises ValueError, without any value."""
    try:
        headers = orjson.loads(text)
    except ValueError:
        headers = None
    if not isinstance(headers, dict):
        raise ValueError("must be a JSON object, as {'Name': 'value'} with double quotes")  # noqa: TRY004  pydantic wants a ValueError
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"holds a name that is not one of a header: {name!a}")
        if name.lower() in _OUR_OWN_HEADERS:
            raise ValueError(f"must not hold {name}, which Routecard sets itself")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"must give {name} a text")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"gives {name} a value with characters that a header cannot hold")
    return {name: value.strip() for name, value in headers.items()}


class NetworkSettings(BaseSettings):
    """Settings under the names that other programs use are read as those programs do."""

    jira_ca_bundle: Path | None = env(
        "JIRA_CA_BUNDLE",
        None,
        "File or folder with the certificates of the authorities that may sign Jira's certificate; "
        "they are trusted instead of the public ones.",
    )
    requests_ca_bundle: Path | None = env(
        "REQUESTS_CA_BUNDLE",
        None,
        "The same; used with SSL_CERT_FILE while JIRA_CA_BUNDLE is unset.",
    )
    ssl_cert_file: Path | None = env(
        "SSL_CERT_FILE",
        None,
        "The same; used with REQUESTS_CA_BUNDLE while JIRA_CA_BUNDLE is unset.",
    )
    jira_client_cert: Path | None = env(
        "JIRA_CLIENT_CERT", None, "PEM file with our client certificate, if Jira asks for one."
    )
    jira_client_key: Path | None = env(
        "JIRA_CLIENT_KEY", None, "PEM file with its key. Unset: the key is in JIRA_CLIENT_CERT."
    )
    jira_extra_headers: SecretStr | None = env(
        "JIRA_EXTRA_HEADERS",
        None,
        "Headers of every request to Jira, as a JSON object in single quotes; for example those of "
        "Cloudflare Access.",
    )
    https_proxy: SecretStr | None = env(
        "HTTPS_PROXY",
        None,
        "Proxy to an https:// Jira, as http://user:password@host:port; also in lower case.",
    )
    http_proxy: SecretStr | None = env("HTTP_PROXY", None, "Proxy to an http:// Jira.")
    all_proxy: SecretStr | None = env("ALL_PROXY", None, "Proxy where the two above are unset.")
    no_proxy: str = env(
        "NO_PROXY", "", "Hosts, domains and networks reached without a proxy, by commas; * = all."
    )

    @field_validator("jira_extra_headers")
    @classmethod
    def _headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            headers_from(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _key_has_certificate(self) -> Self:
        if self.jira_client_key and not self.jira_client_cert:
            raise ValueError("JIRA_CLIENT_KEY is set without JIRA_CLIENT_CERT: set both")
        return self

    @property
    def extra_headers(self) -> dict[str, str]:
        """The headers of JIRA_EXTRA_HEADERS by name; the values are secret."""
        if self.jira_extra_headers is None:
            return {}
        return headers_from(self.jira_extra_headers.get_secret_value())

    @property
    def ca_bundles(self) -> dict[str, Path]:
        """The paths of trusted authorities, by the settings that name them; empty: the public ones.

        Those named for all programs count together, as each program reads only one of them.
        """
        if self.jira_ca_bundle:
            return {"JIRA_CA_BUNDLE": self.jira_ca_bundle}
        shared = {
            "REQUESTS_CA_BUNDLE": self.requests_ca_bundle,
            "SSL_CERT_FILE": self.ssl_cert_file,
        }
        return {name: path for name, path in shared.items() if path}

    def proxy_of(self, scheme: str) -> tuple[str, str] | None:
        """The setting that names the proxy for this scheme, and its address; None: no proxy.

        The address may hold a password. NO_PROXY is not considered.
        """
        own = ("HTTPS_PROXY", self.https_proxy)
        if scheme == "http":
            own = ("HTTP_PROXY", self.http_proxy)
        for name, secret in (own, ("ALL_PROXY", self.all_proxy)):
            if secret is not None and (address := secret.get_secret_value().strip()):
                return name, address
        return None
