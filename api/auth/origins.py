"""Which web page a request comes from: the origin a browser names, and cross-site requests."""

import re

from flask import Request

_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?",
    re.ASCII | re.IGNORECASE,
)
_SAME_SITE = ("same-origin", "none")


def host_and_port(authority: str) -> tuple[str, int | None]:
    """The parts of ``name:port``, without the brackets of IPv6; the name is "" for another form.

    Strict on purpose: another parser must not read a different name from the same text.
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return "", None
    port = found["port"]
    return (found["ipv6"] or found["name"]).lower(), int(port) if port else None


def own_origin(request: Request) -> str:
    """The origin of our pages, as the client addressed them: ``http://localhost:3000``."""
    return f"{request.scheme}://{request.host}".lower()


def is_cross_site(request: Request) -> bool:
    """Whether a page of another origin sent this; another port of localhost is another origin.

    Browsers send Sec-Fetch-Site, and Origin with each cross-site POST, and no page can set
    either. A request with neither of them comes from a program.
    """
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched is not None:
        return fetched not in _SAME_SITE
    return request.headers.get("Origin", own_origin(request)) != own_origin(request)
