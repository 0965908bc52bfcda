"""What answers in the place of Jira: redirects, login pages of gateways, other web pages."""

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from requests import Response

from worker.jira.errors import JiraUnavailable, LoginPageAnswered
from worker.jira.fields.text import clean

_LOGIN_ADDRESS = re.compile(
    r"log-?in|sign-?in|sso|saml|oauth|openid|auth|adfs|cloudflareaccess", re.IGNORECASE
)
_LOGIN_PAGE = re.compile(
    r"type=[\"']?password|\blog ?in\b|\bsign ?in\b|single sign-on|SAMLRequest|cloudflareaccess",
    re.IGNORECASE,
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_API = "/rest/api/"
_READ = 64 * 1024
_PAST_THE_GATE = (
    "Let Routecard past it: with a service token in JIRA_EXTRA_HEADERS, or with an exception for "
    "Jira's /rest/api (docs/jira.md, section 8)."
)


def check_gate(response: Response) -> None:
    """Raise LoginPageAnswered for an answer of Cloudflare Access, which has headers of its own."""
    challenge = response.headers.get("WWW-Authenticate", "").lower()
    named = any(name.lower().startswith("cf-access-") for name in response.headers)
    if response.status_code >= 300 and (named or challenge.startswith("cloudflare-access")):  # noqa: PLR2004  not a success
        raise _login_page("Cloudflare Access", response)


def redirect_error(response: Response) -> JiraUnavailable:
    """The error of a redirect, with the address that JIRA_BASE_URL should have if it tells."""
    asked = response.url or ""
    target = _target(response)
    host = target.hostname if target is not None else None
    if target is None or host is None:
        return JiraUnavailable("Jira redirects us", status=response.status_code)
    base = _base(target, urlsplit(asked))
    if base is not None and base != asked.partition(_API)[0]:
        return JiraUnavailable(
            f"Jira redirects us: it answers at {base}",
            status=response.status_code,
            remedy=f"Set JIRA_BASE_URL={base}",
        )
    if _LOGIN_ADDRESS.search(f"{host}{target.path}"):
        return _login_page(host, response, how="; it redirects us there")
    return JiraUnavailable(
        f"Jira redirects us to {host}: a login page, or JIRA_BASE_URL is not Jira's own address",
        status=response.status_code,
        remedy=f"Open JIRA_BASE_URL in a browser and set it to the address that it shows. "
        f"{_PAST_THE_GATE}",
    )


def page_error(response: Response) -> JiraUnavailable:
    """The error of an answer that is not JSON."""
    status = response.status_code
    text = response.content[:_READ].decode(errors="replace")
    if "HTTPS port" in text:
        return JiraUnavailable(
            "this port wants TLS", status=status, remedy="Set JIRA_BASE_URL to https://…"
        )
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if "html" in kind and _LOGIN_PAGE.search(text):
        return _login_page(urlsplit(response.url or "").hostname or "a gateway", response)
    found = _TITLE.search(text)
    title = (clean(" ".join(found.group(1).split())) or "")[:80] if found else ""
    return JiraUnavailable(
        f"something that is not Jira's API answered {status} with {kind[:60] or 'no content type'}"
        + (f", titled “{title}”" if title else ""),
        status=status,
    )


def _target(response: Response) -> SplitResult | None:
    try:
        return urlsplit(urljoin(response.url or "", response.headers.get("Location", "")))
    except ValueError:
        return None


def _login_page(of: str, response: Response, how: str = "") -> LoginPageAnswered:
    return LoginPageAnswered(
        f"a login page answered instead of Jira: that of {of}{how}",
        status=response.status_code,
        remedy=_PAST_THE_GATE,
    )


def _base(target: SplitResult, asked: SplitResult) -> str | None:
    """Jira's address, if the redirect leads to its API or only from http to https."""
    place = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
    path, api, _ = target.path.partition(_API)
    if api:
        return f"{place}{path}"
    upgraded = (asked.scheme, target.scheme) == ("http", "https")
    if upgraded and asked.hostname == target.hostname and not _LOGIN_ADDRESS.search(target.path):
        return f"{place}{asked.path.partition(_API)[0]}"
    return None
