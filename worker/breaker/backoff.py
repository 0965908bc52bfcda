"""How long to pause after a failed call to Jira. Pure functions."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from shared.states import WAIT_WORDS, WaitCode
from worker.jira.errors import CallRefused, JiraError, JiraScopeMissing, MappingError

_BACKOFF: dict[WaitCode, tuple[float, float]] = {
    WaitCode.JIRA_DOWN: (1.0, 10.0),
    WaitCode.RATE_LIMITED: (1.0, 10.0),
    WaitCode.CREDENTIALS_REFUSED: (5.0, 60.0),
}
"""First and longest pause in seconds; it doubles in between (docs/architecture.md)."""

_JITTER = 0.3
LONGEST_RETRY_AFTER = 3600.0 * 6
"""A longer Retry-After is taken for a mistake and cut to this many seconds."""


@dataclass(frozen=True, slots=True)
class PauseDecision:
    """A pause of ``delay`` seconds; None: until an operator resumes or the credentials change."""

    code: WaitCode
    message: str
    delay: float | None


def pause_after(
    error: JiraError, *, failures: int, jitter: Callable[[], float] = random.random
) -> PauseDecision:
    """The pause after a failed call; ``failures`` calls in a row had failed before it.

    Retry-After is a minimum: jitter only lengthens it, so that workers spread out afterwards.
    """
    message = _message(error)
    if error.wait_code is WaitCode.CAPTCHA_LOCK:
        return PauseDecision(error.wait_code, message, None)
    first, longest = _BACKOFF[error.wait_code]
    backoff = min(longest, first * 2 ** min(failures, 16))
    least = min(error.retry_after or 0.0, LONGEST_RETRY_AFTER)
    factor = 1 - _JITTER * jitter() if backoff > least else 1 + 0.1 * jitter()
    return PauseDecision(error.wait_code, message, max(least, max(backoff, least) * factor))


def _message(error: JiraError) -> str:
    if isinstance(error, JiraScopeMissing):
        return f"Our token lacks a scope; set one that has it and work goes on. ({error.message})"
    if isinstance(error, MappingError | CallRefused):
        return f"Our settings do not fit this Jira; see `routecard doctor`. ({error.message})"
    words = f"{WAIT_WORDS[error.wait_code]} ({error.message})"
    return f"{words}. {error.remedy}" if error.remedy else words
