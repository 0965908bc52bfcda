"""The way to Jira: directly, or through the proxy that the settings name."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from requests.utils import should_bypass_proxies
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from shared.settings import Settings
from worker.jira.errors import JiraUnavailable

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, by the ``setting`` that names it; ``name`` is its host and port."""

    setting: str
    name: str
    address: str = field(repr=False)
    """With its scheme, and with user and password if it has them."""


@dataclass(frozen=True, slots=True)
class Route:
    """``host`` is that of Jira, with its port if the address has one."""

    host: str
    proxy: Proxy | None


def route_to_jira(settings: Settings) -> Route:
    """The way to JIRA_BASE_URL. Raises JiraUnavailable if the proxy's address is not usable."""
    base = urlsplit(settings.jira_base_url)
    named = settings.proxy_of(base.scheme)
    if named is None or should_bypass_proxies(settings.jira_base_url, settings.no_proxy):
        return Route(base.netloc, None)
    return Route(base.netloc, _proxy(*named))


def _proxy(setting: str, address: str) -> Proxy:
    if "://" not in address:
        address = f"http://{address}"
    try:
        parts = parse_url(address)
        unquote(parts.auth or "").encode("latin-1")  # as RFC 7617 and requests send it
    except (LocationParseError, UnicodeError):
        raise _unusable(setting) from None
    if parts.scheme not in _PORTS or not parts.host:
        raise _unusable(setting)
    return Proxy(setting, f"{parts.host}:{parts.port or _PORTS[parts.scheme]}", address)


def _unusable(setting: str) -> JiraUnavailable:
    return JiraUnavailable(
        f"{setting} is not the address of a proxy that Routecard can use",
        remedy=f"Set {setting} to http://host:port, with user:password@ before the host if the "
        "proxy asks for a login; signs in them as %XX. SOCKS proxies are not supported.",
    )
