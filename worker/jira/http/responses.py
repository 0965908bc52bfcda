"""Check Jira's HTTP responses: which can be used, and which error the others raise."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from requests import Response

from worker.jira.errors import (
    CallRefused,
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraLimited,
    JiraUnavailable,
)
from worker.jira.fields.text import clean
from worker.jira.http.retry_after import retry_after_seconds
from worker.jira.json_text import parse_json

_MULTIPLE_CHOICES = 300
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_UNAUTHORIZED = 401
_TOO_MANY = 429
# Statuses of something between us and Jira, such as a proxy; they are temporary.
_PROXY_STATUSES = {407, 408, 421, 425}


def check_response(response: Response, *, now: datetime) -> None:
    """Return for a usable response; raise the JiraError of any other.

    The login headers are checked first, for every status: to an expired token Jira answers an
    empty 200, or 404 (JIRA.md, section 5).
    """
    _check_login(response)
    _check_status(response, now=now)
    _check_body(response)


def messages_of(body: object) -> list[str]:
    """The messages of Jira's error shape, ``{"errorMessages": […], "errors": {…}}``."""
    if not isinstance(body, Mapping):
        return []
    listed = body.get("errorMessages")
    named = body.get("errors")
    texts = [*listed] if isinstance(listed, list) else []
    texts += [*named.values()] if isinstance(named, Mapping) else []
    texts += [body.get("message"), body.get("errorMessage")]
    return [str(text) for text in texts if text]


def _check_login(response: Response) -> None:
    reason = response.headers.get("X-Seraph-LoginReason", "")
    denied = response.headers.get("X-Authentication-Denied-Reason", "")
    if "AUTHENTICATION_DENIED" in reason or denied:
        raise JiraCaptchaLock(
            "Jira has locked the account behind a CAPTCHA after failed logins",
            status=response.status_code,
        )
    if "AUTHENTICATED_FAILED" in reason or response.status_code == _UNAUTHORIZED:
        raise JiraCredentialsRefused(
            "Jira refuses our credentials: wrong, expired, revoked, or a scoped token that is "
            "not used at the gateway address",
            status=response.status_code,
        )


def _check_status(response: Response, *, now: datetime) -> None:
    status = response.status_code
    wait = retry_after_seconds(response.headers, now=now)
    if status == _TOO_MANY:
        reason = response.headers.get("RateLimit-Reason", "")[:80]
        words = f"Jira limits our calls ({reason})" if reason else "Jira limits our calls"
        raise JiraLimited(words, status=status, retry_after=wait, reason=reason)
    if status >= _SERVER_ERROR:
        raise JiraUnavailable(f"Jira answered {status}", status=status, retry_after=wait)
    if status in _PROXY_STATUSES:
        raise JiraUnavailable(
            f"a proxy before Jira answered {status}", status=status, retry_after=wait
        )
    if _MULTIPLE_CHOICES <= status < _BAD_REQUEST:
        raise JiraUnavailable(f"Jira redirects us{_redirect_target(response)}", status=status)


def _redirect_target(response: Response) -> str:
    """The host of a redirect: a login page, or the address that JIRA_BASE_URL should have."""
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:
        host = None
    return f", to {host}: a login page, or JIRA_BASE_URL is not Jira's own address" if host else ""


def _check_body(response: Response) -> None:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise JiraUnavailable(
            f"something that is not Jira's API answered {response.status_code} "
            f"with {kind[:60] or 'no content type'}",
            status=response.status_code,
        )
    body = _json(response)
    if response.status_code >= _BAD_REQUEST:
        texts = tuple(messages_of(body))
        words = clean("; ".join(texts)) or "without a reason"
        raise CallRefused(
            f"Jira answered {response.status_code}: {words}",
            status=response.status_code,
            texts=texts,
        )


def _json(response: Response) -> Any:
    """The parsed body; it is checked here, since the library logs what it cannot parse.

    A body that only ``parse_json`` can read is replaced by one that the library can.
    """
    try:
        return response.json()
    except (ValueError, RecursionError):
        return _repaired(response)


def _repaired(response: Response) -> Any:
    try:
        body = parse_json(response.content)
    except ValueError:
        raise JiraUnavailable(
            f"Jira answered {response.status_code} with a body that is not JSON",
            status=response.status_code,
        ) from None
    response._content = json.dumps(body).encode()  # noqa: SLF001  requests has no other way
    response.encoding = "utf-8"
    return body
