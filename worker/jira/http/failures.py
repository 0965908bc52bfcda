"""Why an exchange with Jira failed: libraries' exceptions in words, with what to do about it.

The exceptions' own texts are not used: they hold addresses with passwords, headers and bodies.
"""

import re
import ssl
from collections.abc import Iterator
from typing import TypeVar

from requests.exceptions import (
    ConnectTimeout,
    InvalidHeader,
    InvalidURL,
    ProxyError,
    SSLError,
    Timeout,
)
from urllib3.exceptions import NameResolutionError

from shared.settings import JIRA_CONNECT_SECONDS, Settings
from worker.jira.errors import JiraCredentialsRefused, JiraError, JiraUnavailable
from worker.jira.http.route import Proxy, Route

E = TypeVar("E", bound=BaseException)

_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
_PROXY_LOGIN = 407
_SERVER_ERROR = 500
_HIGHEST_STATUS = 599

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_OTHER_NAME, _OTHER_ADDRESS = 62, 64
_UNKNOWN_ISSUER = {2, 19, 20, 21}

_OLD_TLS = {"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE"}
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}


def failure_of(error: Exception, route: Route, settings: Settings) -> JiraError:
    """The JiraError of an exception of `requests`, `jira` or the codecs below them."""
    if isinstance(error, InvalidHeader | UnicodeError):
        return JiraCredentialsRefused("the Jira credentials hold characters that cannot be sent")
    if isinstance(error, InvalidURL):
        return JiraUnavailable("JIRA_BASE_URL is not a valid address")
    if isinstance(error, ProxyError) and route.proxy is not None:
        return _proxy_failure(error, route, route.proxy, settings)
    if isinstance(error, SSLError):
        return _tls_failure(error, route.host, settings)
    if isinstance(error, Timeout) and not isinstance(error, ConnectTimeout):
        seconds = settings.jira_timeout_seconds
        return JiraUnavailable(f"{route.host} did not finish its answer in {seconds:g} s")
    return JiraUnavailable(
        _unreachable(error, route.host),
        remedy="Check JIRA_BASE_URL, and network and firewall between here and Jira. If Jira can "
        "be reached only through a proxy, set HTTPS_PROXY.",
    )


def proxy_login_refused(route: Route) -> JiraUnavailable:
    """The error of a 407: it comes from a proxy, never from Jira."""
    if route.proxy is None:
        return JiraUnavailable(
            "a proxy between here and Jira asks for a login (407)",
            status=_PROXY_LOGIN,
            remedy="Set HTTPS_PROXY (HTTP_PROXY for an http:// Jira) to "
            "http://user:password@host:port.",
        )
    return JiraUnavailable(
        f"the proxy {route.proxy.name} asks for a login, or refuses ours (407)",
        status=_PROXY_LOGIN,
        remedy=f"Set {route.proxy.setting} to http://user:password@{route.proxy.name}, "
        "with the proxy's own user and password.",
    )


def _proxy_failure(
    error: ProxyError, route: Route, proxy: Proxy, settings: Settings
) -> JiraUnavailable:
    answered = _TUNNEL.search(str(error))
    if answered:
        return _tunnel_refused(int(answered.group(1)), route, proxy)
    if _inside(error, ssl.SSLError):
        return _tls_failure(error, f"the proxy {proxy.name}", settings)
    return JiraUnavailable(
        _unreachable(error, f"the proxy {proxy.name}"),
        remedy=f"Check {proxy.setting}. If {route.host} can be reached without a proxy, add it to "
        "NO_PROXY.",
    )


def _tunnel_refused(status: int, route: Route, proxy: Proxy) -> JiraUnavailable:
    """What the proxy's answer to CONNECT means."""
    if status == _PROXY_LOGIN:
        return proxy_login_refused(route)
    if _SERVER_ERROR <= status <= _HIGHEST_STATUS:
        return JiraUnavailable(
            f"the proxy {proxy.name} does not reach {route.host} (it answered {status})",
            remedy=f"Check JIRA_BASE_URL, and the network between the proxy and {route.host}.",
        )
    return JiraUnavailable(
        f"the proxy {proxy.name} does not let us through to {route.host} (it answered {status})",
        remedy=f"Have the proxy allow CONNECT to {route.host}. If {route.host} can be reached "
        "without a proxy, add it to NO_PROXY.",
    )


def _unreachable(error: Exception, peer: str) -> str:
    if _inside(error, NameResolutionError):
        return f"the name of {peer} is not known to this machine's DNS"
    if _inside(error, ConnectionRefusedError):
        return f"{peer} refuses connections"
    if isinstance(error, ConnectTimeout):
        return f"no connection to {peer} within {JIRA_CONNECT_SECONDS:g} s"
    return f"no connection to {peer}, or it was lost"


def _tls_failure(error: Exception, peer: str, settings: Settings) -> JiraUnavailable:
    refused = _inside(error, ssl.SSLCertVerificationError)
    if refused is not None:
        return _certificate_failure(refused, peer, settings)
    found = _inside(error, ssl.SSLError)
    reason = (found.reason if found is not None else None) or ""
    if reason in _OLD_TLS:
        return JiraUnavailable(
            f"{peer} and we have no version of TLS in common ({reason})",
            remedy="Enable TLS 1.2 or 1.3 there; Routecard uses no older one.",
        )
    if reason in _NO_TLS:
        return JiraUnavailable(
            f"{peer} does not speak TLS on this port",
            remedy="Check scheme and port of JIRA_BASE_URL, or of the proxy's address.",
        )
    if "ALERT" in reason or "CERTIFICATE" in reason:
        return _client_certificate_failure(reason, peer, settings)
    return JiraUnavailable(
        f"no trusted TLS connection to {peer}" + (f" ({reason})" if reason else ""),
        remedy="Check scheme and port of JIRA_BASE_URL, and whether the server asks for a client "
        "certificate (JIRA_CLIENT_CERT).",
    )


def _client_certificate_failure(reason: str, peer: str, settings: Settings) -> JiraUnavailable:
    if settings.jira_client_cert is not None:
        return JiraUnavailable(
            f"{peer} refuses the TLS handshake, probably because of our client certificate "
            f"({reason})",
            remedy="Check that JIRA_CLIENT_CERT holds the whole chain, is not expired, and is "
            "signed by an authority that the server accepts.",
        )
    return JiraUnavailable(
        f"{peer} refuses the TLS handshake: it asks for a client certificate, or has no version or "
        f"cipher of TLS in common with us ({reason})",
        remedy="Set JIRA_CLIENT_CERT and JIRA_CLIENT_KEY.",
    )


def _certificate_failure(
    refused: ssl.SSLCertVerificationError, peer: str, settings: Settings
) -> JiraUnavailable:
    code = refused.verify_code
    certificate = f"the certificate of {peer}"
    if code == _EXPIRED:
        return JiraUnavailable(
            f"{certificate} has expired", remedy="Have it renewed; check this machine's clock too."
        )
    if code == _NOT_YET_VALID:
        return JiraUnavailable(
            f"{certificate} is not valid yet", remedy="Check this machine's clock."
        )
    if code in (_OTHER_NAME, _OTHER_ADDRESS):
        return JiraUnavailable(
            f"{certificate} is for another host name",
            remedy="Use in the address the name that the certificate is for, or have one made for "
            "this name.",
        )
    if code == _SELF_SIGNED:
        return JiraUnavailable(f"{certificate} is self-signed", remedy=_trust_remedy(settings))
    if code in _UNKNOWN_ISSUER:
        return JiraUnavailable(
            f"{certificate} is signed by an authority that we do not trust",
            remedy=_trust_remedy(settings),
        )
    return JiraUnavailable(
        f"{certificate} is not accepted: {refused.verify_message}", remedy=_trust_remedy(settings)
    )


def _trust_remedy(settings: Settings) -> str:
    if not settings.ca_bundles:
        return (
            "Set JIRA_CA_BUNDLE to a file with the certificate of the authority that signed it "
            "(your company's; or that of a proxy that decrypts TLS)."
        )
    named = " and ".join(f"{setting} ({path})" for setting, path in settings.ca_bundles.items())
    return (
        f"{named} do not hold the authority that signed it: set JIRA_CA_BUNDLE to a file that does."
    )


def _inside(error: BaseException, kind: type[E]) -> E | None:
    """The exception of this kind that the libraries have wrapped, at whatever depth."""
    return next((one for one in _wrapped(error, set()) if isinstance(one, kind)), None)


def _wrapped(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    held = [*error.args, getattr(error, "reason", None), error.__cause__, error.__context__]
    for one in held:
        if isinstance(one, BaseException):
            yield from _wrapped(one, seen)
