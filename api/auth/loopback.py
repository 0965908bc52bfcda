"""Whether a request comes from this machine, and not from a foreign web page."""

import re

from flask import Request

from shared.accounts.exposure import is_loopback
from shared.settings import AuthMode, Settings

_PROXY_HEADERS = ("forwarded", "via", "x-real-ip")
_OWN_SITE = ("same-origin", "same-site", "none")
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{0,5})?",
    re.ASCII | re.IGNORECASE,
)


def is_local(request: Request, settings: Settings) -> bool:
    """Whether ``ROUTECARD_AUTH=auto`` may let this request in (spec/API.md, "Access").

    The peer's address is checked besides the setting, because the server may listen on another
    address than ``ROUTECARD_HOST`` says.
    """
    return (
        settings.auth is AuthMode.AUTO
        and settings.trusted_proxies == 0
        and is_loopback(settings.host)
        and is_loopback(request.environ.get("REMOTE_ADDR", ""))
        and is_loopback(host_name(request.headers.get("Host", "")))
        and not any(_is_from_proxy(name) for name in request.headers.keys())  # noqa: SIM118  iterating headers yields pairs
        and not _from_another_site(request)
    )


def _is_from_proxy(name: str) -> bool:
    lower = name.lower()
    return lower in _PROXY_HEADERS or lower.startswith("x-forwarded")


def _from_another_site(request: Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE:
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    _, _, authority = origin.partition("://")
    return host_name(authority) != host_name(request.headers["Host"])


def host_name(authority: str) -> str:
    """The name in ``name:port``, without the brackets of IPv6; "" if it has another form.

    Strict on purpose: another parser must not read a different name from the same text.
    """
    found = _AUTHORITY.fullmatch(authority)
    return (found["ipv6"] or found["name"]).lower() if found else ""
