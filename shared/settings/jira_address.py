"""The address of a Jira, from what people paste."""

from urllib.parse import SplitResult, urlsplit

_BELOW_THE_BASE = {"rest", "secure", "browse", "login.jsp"}
"""First segments of Jira's own paths: of its API, its pages and its tickets."""
_CLOUD = ".atlassian.net"


def jira_address(value: str) -> str:
    """Scheme, host, port and context path; "" for an empty value.

    Paths of Jira's own pages and API are dropped. Raises ValueError, without the value.
    """
    text = value.strip()
    if not text:
        return ""
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if " " in text or not text.isprintable():
        raise ValueError("must not contain white space or control characters")
    parts = _split(text)
    if "@" in parts.netloc:
        raise ValueError(
            "must not contain a user name or a password: set JIRA_EMAIL and JIRA_API_TOKEN"
        )
    if "?" in text or "#" in text:
        raise ValueError("must be the address of Jira alone, without `?` or `#` and what follows")
    return f"{parts.scheme}://{parts.netloc}{_base_path(parts)}"


def _split(text: str) -> SplitResult:
    wrong = "must name a host, and may name a port: https://jira.example.com:8443"
    try:
        parts = urlsplit(text)
        named = parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(wrong) from None
    if not named:
        raise ValueError(wrong)
    return parts


def _base_path(parts: SplitResult) -> str:
    """The context path. Cloud has none: its pages are below /jira, its API is not."""
    if parts.hostname and parts.hostname.endswith(_CLOUD):
        return ""
    base: list[str] = []
    for segment in parts.path.split("/"):
        if segment in _BELOW_THE_BASE:
            break
        base += [segment] if segment else []
    return "".join(f"/{segment}" for segment in base)
