"""Errors of calls to Jira, by what we can do about them."""

from dataclasses import dataclass, field
from typing import ClassVar

from shared.states import WaitCode


@dataclass(eq=False, repr=False)
class JiraError(Exception):
    """A call that failed as a whole: it says nothing about a ticket and counts against none.

    ``message`` is for people and holds no secret; ``remedy``, a sentence, says what to do where
    the cause is known. ``status`` is the HTTP status if there was an answer. ``retry_after`` is
    the minimum number of seconds to wait, if Jira named one, and ``reason`` Jira's name of the
    limit or of the failed login. ``texts`` are Jira's own messages in full.
    """

    wait_code: ClassVar[WaitCode] = WaitCode.JIRA_DOWN

    message: str
    status: int | None = field(default=None, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)
    reason: str = field(default="", kw_only=True)
    texts: tuple[str, ...] = field(default=(), kw_only=True)
    remedy: str = field(default="", kw_only=True)


class JiraUnavailable(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """No usable answer: no connection, timeout, 5xx, HTML, cut or malformed body. Wait."""


class MalformedAnswer(JiraUnavailable):
    """The body is not the JSON that its headers announce, whatever its status."""


class LoginPageAnswered(JiraUnavailable):
    """A gateway before Jira wants a login of its own, whatever we ask for."""


class JiraLimited(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """429: wait at least ``retry_after``."""

    wait_code = WaitCode.RATE_LIMITED


class JiraCredentialsRefused(JiraError):  # noqa: N818  named for the state of Jira
    """Wrong, expired or revoked credentials: stop all calls and probe ``verify`` periodically."""

    wait_code = WaitCode.CREDENTIALS_REFUSED


class JiraCaptchaLock(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """The account is locked behind a CAPTCHA: stop all calls, without probes."""

    wait_code = WaitCode.CAPTCHA_LOCK


class CallRefused(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """Jira understood this call and refuses it: 400, 403, 404, 410 and so on, in JSON.

    The client turns a refusal about a ticket into a result for that ticket. Callers see this
    error only from ``changed_since`` and the lookups: the query or the settings must change.
    """


class JiraScopeMissing(CallRefused):
    """Jira knows our token, which lacks a scope for this call; other calls may be allowed.

    The gateway answers 401 (JIRA.md, pain 23), other servers 403.
    """

    wait_code = WaitCode.CREDENTIALS_REFUSED


class SearchUnavailable(CallRefused):
    """No kind of search is answered here. Single reads may be."""


class MappingError(JiraError):
    """A mapped field is missing or ambiguous; the candidates are named."""


@dataclass(eq=False, repr=False)
class UnusableTicket(ValueError):  # noqa: N818  a value about one ticket rather than a failure
    """JSON that is not a valid issue; ``detail`` says what is wrong."""

    detail: str
