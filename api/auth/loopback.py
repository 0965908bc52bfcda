"""Whether a request comes from this very machine, and from nobody's web page."""

import re

from flask import Request

from shared.accounts.exposure import is_loopback
from shared.settings import AuthMode, Settings

_PROXY_HEADERS = ("forwarded", "via", "x-real-ip")
_NEAR = ("same-origin", "same-site", "none")
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{0,5})?",
    re.ASCII | re.IGNORECASE,
)


def is_local(request: Request, settings: Settings) -> bool:
    """Whether ``ROUTECARD_AUTH=auto`` may let this request in (spec/API.md, "Access").

    The address of the peer is asked as well as the setting: it shows a server that was started
    on another address than ``ROUTECARD_HOST`` says.
    """
    return (
        settings.auth is AuthMode.AUTO
        and settings.trusted_proxies == 0
        and is_loopback(settings.host)
        and is_loopback(request.environ.get("REMOTE_ADDR", ""))
        and is_loopback(host_name(request.headers.get("Host", "")))
        and not any(_tells_of_a_proxy(name) for name in request.headers.keys())  # noqa: SIM118  iterating headers yields pairs
        and not _from_another_site(request)
    )


def _tells_of_a_proxy(name: str) -> bool:
    lower = name.lower()
    return lower in _PROXY_HEADERS or lower.startswith("x-forwarded")


def _from_another_site(request: Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") not in _NEAR:
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    _, _, authority = origin.partition("://")
    return host_name(authority) != host_name(request.headers["Host"])


def host_name(authority: str) -> str:
    """The name in ``name:port``, without an IPv6 address's brackets; "" where it is anything else.

    Strict on purpose: what only one of two parsers takes for a name of this machine is none.
    """
    found = _AUTHORITY.fullmatch(authority)
    return (found["ipv6"] or found["name"]).lower() if found else ""
