"""Authentication as Cloud and Data Center do it, with their CAPTCHA lock and headers."""

import base64
import binascii
from dataclasses import dataclass, field
from enum import StrEnum
from hmac import compare_digest
from threading import Lock
from typing import Final

from worker.simulator import defaults
from worker.simulator.config import Deployment, RuntimeSettings, SimulatorConfig
from worker.simulator.errors import GatewayRefusal, JiraRefusal
from worker.simulator.scopes import allows

LOGIN_REASON: Final = "X-Seraph-LoginReason"
_FAILED: Final = "AUTHENTICATED_FAILED"
_DENIED: Final = "AUTHENTICATION_DENIED"


class LoginResult(StrEnum):
    """The result of checking the Authorization header."""

    OK = "ok"
    ANONYMOUS = "anonymous"
    WRONG = "wrong"
    EXPIRED = "expired"
    CAPTCHA = "captcha"
    NO_SCOPE = "no scope"


@dataclass(slots=True)
class Authenticator:
    """Checks credentials and counts the wrong ones for CAPTCHA (JIRA.md sections 3 and 5)."""

    config: SimulatorConfig
    failures: int = 0
    _lock: Lock = field(default_factory=Lock)

    def authenticate(
        self, authorization: str, *, settings: RuntimeSettings, mode: str | None, call: str | None
    ) -> LoginResult:
        """Check the credentials of one request.

        ``mode`` is the kind of fault that applies. ``call`` is the endpoint of a call at the
        gateway, which needs scopes, and None for a call that does not use the gateway.
        """
        if not authorization:
            return LoginResult.ANONYMOUS
        if mode == "captcha" or settings.captcha or self._locked(settings):
            return LoginResult.CAPTCHA
        if not self._right(authorization, gateway=call is not None):
            with self._lock:
                self.failures += 1
            return LoginResult.WRONG
        self.failures = 0
        if call is not None and not allows(self.config.scopes, call):
            return LoginResult.NO_SCOPE
        return LoginResult.EXPIRED if mode == "expired" or settings.expired else LoginResult.OK

    def refusal(self, login: LoginResult, *, browse: str, gateway: bool = False) -> JiraRefusal:
        """The answer to a caller who is refused and is not treated as anonymous either."""
        if login is LoginResult.CAPTCHA:
            reason = f"CAPTCHA_CHALLENGE; login-url={browse}/login.jsp"
            headers = {LOGIN_REASON: _DENIED, "X-Authentication-Denied-Reason": reason}
            return JiraRefusal(403, ["CAPTCHA challenge required."], headers=headers)
        if login is LoginResult.NO_SCOPE:
            return GatewayRefusal(401, ["Unauthorized; scope does not match"])
        if gateway:
            return GatewayRefusal(401, ["Unauthorized"])
        headers = {"WWW-Authenticate": 'Basic realm="Jira"'}
        if login is not LoginResult.ANONYMOUS:
            headers[LOGIN_REASON] = _FAILED
        text = "Client must be authenticated to access this resource."
        return JiraRefusal(401, [text], headers=headers)

    def login_headers(self, login: LoginResult, *, user: str) -> dict[str, str]:
        """Headers of every answer to a caller with this login result."""
        if login in (LoginResult.EXPIRED, LoginResult.WRONG):
            return {LOGIN_REASON: _FAILED}
        if login is LoginResult.OK and self.config.deployment is Deployment.SERVER:
            return {LOGIN_REASON: "OK", "X-AUSERNAME": user}
        return {}

    def _locked(self, settings: RuntimeSettings) -> bool:
        return bool(settings.captcha_after) and self.failures >= settings.captcha_after

    def _right(self, given: str, *, gateway: bool) -> bool:
        scheme, _, value = given.partition(" ")
        if scheme.lower() == "bearer":
            return self.config.deployment is Deployment.SERVER and _same(value, self.config.pat)
        if scheme.lower() != "basic":
            return False
        user, _, password = _decode(value).partition(":")
        token = defaults.SCOPED_TOKEN if gateway else self.config.api_token
        return _same(user, self.config.email) and _same(password, token)


def _decode(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _same(given: str, expected: str) -> bool:
    return compare_digest(given.encode(), expected.encode())
