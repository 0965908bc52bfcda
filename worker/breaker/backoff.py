"""Pure decisions: what a failed call means, and when to ask Jira again."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from shared.states import WAIT_WORDS, WaitCode
from worker.jira.errors import CallRefused, JiraError, MappingError

_GROWTH: dict[WaitCode, tuple[float, float]] = {
    WaitCode.JIRA_DOWN: (1.0, 10.0),
    WaitCode.RATE_LIMITED: (1.0, 10.0),
    WaitCode.CREDENTIALS_REFUSED: (5.0, 60.0),
}
"""First and longest pause in seconds; doubling in between (docs/architecture.md, what counts)."""

_JITTER = 0.3
LONGEST_RETRY_AFTER = 3600.0 * 6
"""A Retry-After beyond this is taken for a mistake and cut to it."""


@dataclass(frozen=True, slots=True)
class PauseDecision:
    """How long nothing is asked of Jira: seconds, or None where only a person ends it."""

    code: WaitCode
    message: str
    delay: float | None


def pause_after(
    error: JiraError, *, failures: int, jitter: Callable[[], float] = random.random
) -> PauseDecision:
    """The pause a failed call asks for; ``failures`` in a row came before it.

    Retry-After is a minimum: jitter is only ever added to it, so that workers spread out after it.
    """
    message = _words(error)
    if error.wait_code is WaitCode.CAPTCHA_LOCK:
        return PauseDecision(error.wait_code, message, None)
    first, longest = _GROWTH[error.wait_code]
    backoff = min(longest, first * 2 ** min(failures, 16))
    wanted = min(error.retry_after or 0.0, LONGEST_RETRY_AFTER)
    spread = 1 - _JITTER * jitter() if backoff > wanted else 1 + 0.1 * jitter()
    return PauseDecision(error.wait_code, message, max(wanted, max(backoff, wanted) * spread))


def _words(error: JiraError) -> str:
    if isinstance(error, MappingError | CallRefused):
        return f"Our settings do not fit this Jira; see `routecard doctor`. ({error.message})"
    return f"{WAIT_WORDS[error.wait_code]} ({error.message})"
