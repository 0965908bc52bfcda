"""Refuses what web pages of other sites send, as Jira's XSRF check does.

The simulator has no secrets, but its controls make it send requests, and the browser of a developer
can reach it.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from flask import Request, request

from worker.simulator.errors import JiraRefusal

_SAFE: Final = ("GET", "HEAD", "OPTIONS")


def check() -> None:
    """Check the current request before its route runs. Raises JiraRefusal."""
    if not _is_near(request.host):
        raise JiraRefusal(421, ["Nothing is served under this name: use localhost or an address."])
    if _is_cross_site(request):
        raise JiraRefusal(403, ["XSRF check failed"])
    if request.content_length and request.mimetype != "application/json":
        raise JiraRefusal(415, ["Unsupported Media Type"])


def _is_near(authority: str) -> bool:
    """Whether this Host can only be ours: an IP address, or a name without a dot.

    Names without a dot are those of this machine and of containers. Another name may belong to a
    site that lets it point here (DNS rebinding).
    """
    try:
        name = urlsplit(f"//{authority}").hostname or "."
        return "." not in name or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _is_cross_site(sent: Request) -> bool:
    own = f"{sent.scheme}://{sent.host}"
    if sent.headers.get("Origin", own) != own:
        return True
    fetched = sent.headers.get("Sec-Fetch-Site", "none")
    return sent.method not in _SAFE and fetched not in ("same-origin", "none")
