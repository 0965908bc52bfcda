"""Check Jira's HTTP responses: which can be used, and which error the others raise."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from requests import Response

from worker.jira.errors import (
    CallRefused,
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraLimited,
    JiraScopeMissing,
    JiraUnavailable,
    MalformedAnswer,
)
from worker.jira.fields.text import clean
from worker.jira.http.not_jira import check_gate, page_error, redirect_error
from worker.jira.http.retry_after import retry_after_seconds
from worker.jira.json_text import parse_json

_MULTIPLE_CHOICES = 300
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_TOO_MANY = 429
# Statuses of something between us and Jira, such as a proxy; they are temporary.
_PROXY_STATUSES = {407, 408, 421, 425}
_SCOPE_WORDS = re.compile(r"\bscopes?\b|insufficient_scope", re.IGNORECASE)
# Jira's own members, and those of gateways, proxies and RFC 9457 (application/problem+json).
_MESSAGE_MEMBERS = ("message", "errorMessage", "error_description", "error", "detail", "title")
_WORDS = 200
"""Most characters of Jira's words in a message."""
_SHORTEST_SECRET = 4
_BASIC_DISABLED = re.compile(
    r"basic\s+auth\w*\b[^.<]{0,60}\b(disabled|deprecated|not (allowed|supported|permitted))",
    re.IGNORECASE,
)
_READ = 64 * 1024


def check_response(response: Response, *, now: datetime) -> None:
    """Return for a usable response; raise the JiraError of any other.

    The login headers are checked first, for every status: to an expired token Jira answers an
    empty 200, or 404 (JIRA.md, section 5). A missing scope comes next, as it may be a 401.
    """
    check_gate(response)
    _check_basic_allowed(response)
    _check_captcha(response)
    if not _login_failed(response):
        _check_scope(response)
    _check_login(response)
    _check_status(response, now=now)
    _check_body(response)


def messages_of(body: object) -> list[str]:
    """The messages of Jira's error shape, ``{"errorMessages": […], "errors": {…}}``.

    Gateways and proxies answer with one text, such as ``{"code": 401, "message": "…"}``.
    """
    if not isinstance(body, Mapping):
        return []
    listed = body.get("errorMessages")
    named = body.get("errors")
    texts = [*listed] if isinstance(listed, list) else []
    texts += [*named.values()] if isinstance(named, Mapping) else []
    for name in _MESSAGE_MEMBERS:
        value = body.get(name)
        texts += messages_of(value) if isinstance(value, Mapping) else [value]
    return list(dict.fromkeys(str(text) for text in texts if text))


def account_of(response: Response) -> str | None:
    """The account that Jira names in a header, if it names one: on Cloud by id, else by name."""
    for header in ("X-AACCOUNTID", "X-AUSERNAME"):
        name = unquote(response.headers.get(header, "")).strip()
        if name and name.casefold() != "anonymous":
            return name
    return None


def _check_basic_allowed(response: Response) -> None:
    """Some sites accept no password for their API: Data Center's setting, Cloud always."""
    if response.status_code < _BAD_REQUEST:
        return
    texts = [response.content[:_READ].decode(errors="replace"), *response.headers.values()]
    if any(_BASIC_DISABLED.search(text) for text in texts):
        raise JiraCredentialsRefused(
            "Jira accepts no user name with password: Basic authentication is switched off there",
            status=response.status_code,
            remedy="Data Center: create a personal access token in Jira (Profile) and set "
            "JIRA_PAT. Cloud: create an API token at id.atlassian.com and set JIRA_EMAIL and "
            "JIRA_API_TOKEN.",
        )


def _check_captcha(response: Response) -> None:
    reason = response.headers.get("X-Seraph-LoginReason", "")
    denied = response.headers.get("X-Authentication-Denied-Reason", "")
    if "AUTHENTICATION_DENIED" in reason or denied:
        raise JiraCaptchaLock(
            "Jira has locked the account behind a CAPTCHA after failed logins",
            status=response.status_code,
        )


def _login_failed(response: Response) -> bool:
    return "AUTHENTICATED_FAILED" in response.headers.get("X-Seraph-LoginReason", "")


def _check_scope(response: Response) -> None:
    """401 or 403 "scope does not match": the token is good, but not for this call."""
    status = response.status_code
    if status not in (_UNAUTHORIZED, _FORBIDDEN):
        return
    texts = _texts(response)
    challenge = response.headers.get("WWW-Authenticate", "")
    if not any(_SCOPE_WORDS.search(text) for text in (*texts, challenge)):
        return
    words = _quotable(texts, response) or "insufficient_scope"
    raise JiraScopeMissing(
        f"the token lacks a scope for {_call(response)}; Jira says: {words}",
        status=status,
        texts=texts,
    )


def _check_login(response: Response) -> None:
    failed = _login_failed(response)
    if failed or response.status_code == _UNAUTHORIZED:
        words = _quotable(_texts(response), response)
        raise JiraCredentialsRefused(
            "Jira refuses our credentials: wrong, expired, revoked, or a scoped token that is "
            "not used at the gateway address" + (f"; Jira says: {words}" if words else ""),
            status=response.status_code,
            reason="AUTHENTICATED_FAILED" if failed else "",
        )


def _texts(response: Response) -> tuple[str, ...]:
    """The messages of a JSON answer or a plain text; none of a page or a body that is cut."""
    if _kind(response) == "text/plain":
        return (response.text[:_WORDS],) if response.text else ()
    if not _is_json(response):
        return ()
    try:
        return tuple(messages_of(response.json()))
    except (ValueError, RecursionError):
        return ()


def _quotable(texts: Sequence[str], response: Response) -> str:
    """The words for people: cleaned, short, and without the credentials that we sent."""
    text = "; ".join(texts)
    for secret in _secrets(response):
        text = text.replace(secret, "…")
    return (clean(text) or "")[:_WORDS].rstrip()


def _secrets(response: Response) -> list[str]:
    """What our Authorization header holds, in case an answer repeats it."""
    request = getattr(response, "request", None)
    sent = "" if request is None else str(request.headers.get("Authorization", ""))
    value = sent.partition(" ")[2].strip()
    if not value:
        return []
    try:
        password = base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        password = ""
    return [text for text in (value, password) if len(text) >= _SHORTEST_SECRET]


def _call(response: Response) -> str:
    """``GET myself``: method and path below the API's address."""
    request = getattr(response, "request", None)
    if request is None:
        return "this call"
    path = urlsplit(request.url or "").path.rpartition("/rest/api/2/")[2]
    return f"{request.method} {path}"


def _check_status(response: Response, *, now: datetime) -> None:
    status = response.status_code
    wait = retry_after_seconds(response.headers, now=now)
    if status == _TOO_MANY:
        reason = response.headers.get("RateLimit-Reason", "")[:80]
        words = f"Jira limits our calls ({reason})" if reason else "Jira limits our calls"
        raise JiraLimited(words, status=status, retry_after=wait, reason=reason)
    if status >= _SERVER_ERROR:
        words = _quotable(_texts(response), response)
        raise JiraUnavailable(
            f"Jira answered {status}" + (f": {words}" if words else ""),
            status=status,
            retry_after=wait,
        )
    if status in _PROXY_STATUSES:
        raise JiraUnavailable(
            f"a proxy before Jira answered {status}", status=status, retry_after=wait
        )
    if _MULTIPLE_CHOICES <= status < _BAD_REQUEST:
        raise redirect_error(response)


def _check_body(response: Response) -> None:
    if not _is_json(response):
        raise page_error(response)
    body = _json(response)
    if response.status_code >= _BAD_REQUEST:
        texts = tuple(messages_of(body))
        words = _quotable(texts, response) or "without a reason"
        raise CallRefused(
            f"Jira answered {response.status_code}: {words}",
            status=response.status_code,
            texts=texts,
        )


def _kind(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _is_json(response: Response) -> bool:
    kind = _kind(response)
    return kind == "application/json" or kind.endswith("+json")


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
        response._content = json.dumps(body).encode()  # noqa: SLF001  requests has no other way
    except (ValueError, RecursionError):
        raise MalformedAnswer(
            f"Jira answered {response.status_code} with a body that is not JSON",
            status=response.status_code,
        ) from None
    response.encoding = "utf-8"
    return body
