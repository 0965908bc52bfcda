"""Who is asking: the credentials of a request judged as Cloud and Data Center judge them."""

import base64
import binascii
from dataclasses import dataclass, field
from enum import StrEnum
from hmac import compare_digest
from threading import Lock
from typing import Final

from worker.simulator.config import Deployment, Knobs, SimulatorConfig
from worker.simulator.errors import JiraRefusal

LOGIN_REASON: Final = "X-Seraph-LoginReason"
_FAILED: Final = "AUTHENTICATED_FAILED"
_DENIED: Final = "AUTHENTICATION_DENIED"


class Login(StrEnum):
    """The outcome of looking at the Authorization header."""

    OK = "ok"
    ANONYMOUS = "anonymous"
    WRONG = "wrong"
    EXPIRED = "expired"
    CAPTCHA = "captcha"
    NO_SCOPE = "no scope"


@dataclass(slots=True)
class Gatekeeper:
    """Judges credentials and counts the wrong ones, as CAPTCHA does (JIRA.md sections 3 and 5)."""

    config: SimulatorConfig
    failures: int = 0
    _lock: Lock = field(default_factory=Lock)

    def judge(
        self, authorization: str, *, knobs: Knobs, mode: str | None, scope: str | None
    ) -> Login:
        """``mode`` is the fault in force; ``scope`` what a call at the gateway needs (else None).

        An empty ``scope`` is a call at the gateway that needs none.
        """
        if not authorization:
            return Login.ANONYMOUS
        if mode == "captcha" or knobs.captcha or self._locked(knobs):
            return Login.CAPTCHA
        if not self._right(authorization, gateway=scope is not None):
            with self._lock:
                self.failures += 1
            return Login.WRONG
        self.failures = 0
        if scope and scope not in self.config.scopes:
            return Login.NO_SCOPE
        return Login.EXPIRED if mode == "expired" or knobs.expired else Login.OK

    def refusal(self, login: Login, *, browse: str) -> JiraRefusal:
        """What a caller gets who was not let in and may not go on as a nobody either."""
        if login is Login.CAPTCHA:
            reason = f"CAPTCHA_CHALLENGE; login-url={browse}/login.jsp"
            headers = {LOGIN_REASON: _DENIED, "X-Authentication-Denied-Reason": reason}
            return JiraRefusal(403, ["CAPTCHA challenge required."], headers=headers)
        if login is Login.NO_SCOPE:
            return JiraRefusal(403, ["Unauthorized; scope does not match"])
        headers = {"WWW-Authenticate": 'Basic realm="Jira"'}
        if login is not Login.ANONYMOUS:
            headers[LOGIN_REASON] = _FAILED
        text = "Client must be authenticated to access this resource."
        return JiraRefusal(401, [text], headers=headers)

    def marks(self, login: Login, *, user: str) -> dict[str, str]:
        """Headers that every answer to such a caller carries."""
        if login in (Login.EXPIRED, Login.WRONG):
            return {LOGIN_REASON: _FAILED}
        if login is Login.OK and self.config.deployment is Deployment.SERVER:
            return {LOGIN_REASON: "OK", "X-AUSERNAME": user}
        return {}

    def _locked(self, knobs: Knobs) -> bool:
        return bool(knobs.captcha_after) and self.failures >= knobs.captcha_after

    def _right(self, given: str, *, gateway: bool) -> bool:
        scheme, _, value = given.partition(" ")
        if scheme.lower() == "bearer":
            return self.config.deployment is Deployment.SERVER and _same(value, self.config.pat)
        if scheme.lower() != "basic":
            return False
        user, _, password = _decode(value).partition(":")
        token = self.config.scoped_token if gateway else self.config.api_token
        return _same(user, self.config.email) and _same(password, token)


def _decode(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(), wanted.encode())
