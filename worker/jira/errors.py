"""What can go wrong with Jira as a whole, split by what we can do about it."""

from typing import ClassVar

from shared.states import WaitCode


class JiraError(Exception):
    """A call that failed as a whole: it says nothing about a ticket and counts against none.

    ``message`` is plain words and holds no secret; ``status`` is the HTTP status where there was
    an answer; ``retry_after`` is the least number of seconds to wait, where Jira named one.
    """

    wait_code: ClassVar[WaitCode] = WaitCode.JIRA_DOWN

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after


class JiraUnavailable(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """No usable answer: no connection, too late, 5xx, HTML, cut or malformed body. Wait."""


class JiraLimited(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """429: wait at least ``retry_after``. ``reason`` is Jira's own word for the limit hit."""

    wait_code = WaitCode.RATE_LIMITED

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message, status=status, retry_after=retry_after)
        self.reason = reason


class JiraCredentialsRefused(JiraError):  # noqa: N818  named for the state of Jira
    """Wrong, expired or withdrawn credentials: stop everything, probe ``verify`` now and then."""

    wait_code = WaitCode.CREDENTIALS_REFUSED


class JiraCaptchaLock(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """The account is locked behind a CAPTCHA: stop everything and do not even probe."""

    wait_code = WaitCode.CAPTCHA_LOCK


class CallRefused(JiraError):  # noqa: N818  named for the state of Jira, as the glossary does
    """Jira understood this one call and refuses it (400, 403, 404, 410 and the like, in JSON).

    Inside the port it becomes an answer about a ticket wherever it is one. Outside it is seen
    from ``changed_since`` and the look-ups alone: the query or the settings must change.
    ``texts`` are Jira's own messages, uncut.
    """

    def __init__(
        self, message: str, *, status: int | None = None, texts: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, status=status)
        self.texts = texts


class MappingError(JiraError):
    """A mapped field is missing, ambiguous or not to be understood; the candidates are named."""


class UnusableTicket(ValueError):  # noqa: N818  a value about one ticket rather than a failure
    """An issue whose shape is no issue's; ``detail`` says what is wrong with it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
