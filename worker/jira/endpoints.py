"""Which of Jira's endpoints are refused here, and how long a query may be; kept for ten minutes.

Gateways let some endpoints pass only, an old Jira lacks others, and proxies block POST or long
addresses. What one call has found out need not be found out by every batch; and what an
administrator repairs is noticed without a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.clock import Clock
from worker.jira.errors import (
    CallRefused,
    JiraCredentialsRefused,
    JiraError,
    JiraScopeMissing,
    JiraUnavailable,
    LoginPageAnswered,
    MalformedAnswer,
)

REMEMBERED_SECONDS = 600.0

_REFUSED = frozenset({403, 404, 405, 406, 410, 411, 413, 414, 415, 431, 501})
_BAD_REQUEST = 400
_UNAUTHORIZED = 401


def is_refused(error: JiraError) -> bool:
    """Whether it refuses an endpoint or a form of request, so that another one may be answered.

    Proxies and gateways answer so in JSON or in HTML. False: Jira is down, limits our calls, or
    refuses our credentials or the query itself.
    """
    if not isinstance(error, CallRefused | JiraUnavailable):
        return False
    if isinstance(error, MalformedAnswer | LoginPageAnswered):
        return False
    from_proxy = isinstance(error, JiraUnavailable) and error.status == _BAD_REQUEST
    return isinstance(error, JiraScopeMissing) or error.status in _REFUSED or from_proxy


def is_info_refused(error: JiraError) -> bool:
    """Whether only ``serverInfo`` is refused, so that other calls may be answered.

    A gateway answers 401, 403 or 404. A login that failed is a fault of the credentials.
    """
    if isinstance(error, JiraCredentialsRefused):
        return error.status == _UNAUTHORIZED and not error.reason
    return is_refused(error)


def by_reason(refused: Mapping[str, JiraError]) -> dict[str, str]:
    """The names of refused endpoints, listed, by the message that they have in common."""
    reasons: dict[str, list[str]] = {}
    for name, error in refused.items():
        reasons.setdefault(error.message, []).append(name)
    return {message: ", ".join(names) for message, names in reasons.items()}


@dataclass(slots=True)
class Endpoints:
    """What one process knows of the endpoints, by names such as ``POST issue/bulkfetch``."""

    clock: Clock
    _refused: dict[str, tuple[float, JiraError]] = field(default_factory=dict)
    _longest: dict[str, tuple[float, int]] = field(default_factory=dict)

    def refusal(self, name: str) -> JiraError | None:
        """How the endpoint refused us in the last ten minutes; None: it is worth a call."""
        at, error = self._refused.get(name, (0.0, None))
        return error if error is not None and self._is_fresh(at) else None

    def refusals(self) -> dict[str, JiraError]:
        """All refusals of the last ten minutes."""
        known = {name: self.refusal(name) for name in self._refused}
        return {name: error for name, error in known.items() if error is not None}

    def refuse(self, name: str, error: JiraError) -> None:
        """Remember a refusal, once another endpoint has answered instead."""
        if self.refusal(name) is None:
            self._refused[name] = (self.clock.monotonic(), error)

    def longest(self, name: str) -> int | None:
        """The longest list of keys, in characters, that passed after a longer one was refused."""
        at, length = self._longest.get(name, (0.0, 0))
        return length if length and self._is_fresh(at) else None

    def passed(self, name: str, length: int) -> None:
        """Remember that a list of this length passed where a longer one did not."""
        if self.longest(name) is None or length < self._longest[name][1]:
            self._longest[name] = (self.clock.monotonic(), length)

    def _is_fresh(self, at: float) -> bool:
        return self.clock.monotonic() - at < REMEMBERED_SECONDS
