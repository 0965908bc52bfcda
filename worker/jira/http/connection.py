"""An authenticated connection to Jira's REST v2: the only module that uses the `jira` library.

The library provides session, authentication and addresses. Its retries are off, and its error
handling is not reached: a hook checks every response first (``responses.check_response``). The
library's own code sleeps, logs bodies and crashes on odd ones (JIRA.md, section 2).
"""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from jira import JIRA, JIRAError
from pydantic import SecretStr
from requests import PreparedRequest, RequestException, Response

from shared.clock import Clock
from shared.settings import JIRA_CONNECT_SECONDS, Deployment, Settings
from worker.jira.errors import JiraCredentialsRefused, JiraUnavailable
from worker.jira.http.failures import failure_of, proxy_login_refused
from worker.jira.http.responses import account_of, check_response
from worker.jira.http.route import Route, route_to_jira
from worker.jira.http.tls import tls_context
from worker.jira.http.transport import BoundedAdapter
from worker.jira.rate_limit import SharedBudget
from worker.process.shutdown import interruptible

_BUDGET_WAIT = 60.0
_PROXY_LOGIN = 407

Observer = Callable[[PreparedRequest, Response], None]
"""Called with each request and its response, before the response is checked."""


class Connection:
    """GET and POST that return parsed JSON or raise JiraError; connects on first use.

    For one thread at a time; create it after the fork.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        budget: SharedBudget | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._budget = budget
        self._observe = observe
        self._made: JIRA | None = None
        self._route = Route("", None)
        self.account: str | None = None
        """Whom Jira named as the caller of the last call, in a header; None: nobody."""
        self.calls = 0
        """Calls made so far."""

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, deadline: float | None = None
    ) -> Any:
        """The JSON of ``/rest/api/2/{path}``.

        ``deadline`` bounds the wait for the budget; without one, a minute does.
        """
        return self._call(path, dict(params or {}), post=False, deadline=deadline)

    def post(self, path: str, body: Mapping[str, Any], *, deadline: float | None = None) -> Any:
        """The JSON answer of a read by POST."""
        return self._call(path, dict(body), post=True, deadline=deadline)

    def close(self) -> None:
        """Close the sockets; the next call opens new ones."""
        if self._made is not None:
            self._made.close()  # type: ignore[no-untyped-call]  # the library left it unannotated
            self._made = None

    def _call(
        self, path: str, params: dict[str, Any], *, post: bool, deadline: float | None
    ) -> Any:
        client = self._client()
        with interruptible():
            if self._budget is not None:
                latest = self._clock.monotonic() + _BUDGET_WAIT if deadline is None else deadline
                self._budget.acquire(1, deadline=latest)
            self.calls += 1
            try:
                # The library has no public call for a bulk read, and its searches ask GET /field
                # first and answer None on a Cloud it does not know to be one.
                return client._get_json(path, params=params, use_post=post)  # noqa: SLF001
            except (RequestException, JIRAError, UnicodeError) as error:
                raise failure_of(error, self._route, self._settings) from None

    def _client(self) -> JIRA:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> JIRA:
        base = self._settings.jira_base_url
        if not base:
            raise JiraUnavailable("JIRA_BASE_URL is not set")
        seconds = self._settings.jira_timeout_seconds
        self._route = route_to_jira(self._settings)
        tls = tls_context(self._settings)
        client = JIRA(
            options={"server": base, "rest_api_version": "2"},
            get_server_info=False,
            max_retries=0,
            timeout=(min(JIRA_CONNECT_SECONDS, seconds), seconds),
            logging=False,
            **_credentials(self._settings),
        )
        session = client._session  # noqa: SLF001  the library has no other way to set hooks
        session.hooks["response"].append(self._check)
        session.headers.update(self._settings.extra_headers)
        # The settings have read the environment; requests would also read ~/.netrc.
        session.trust_env = False
        if self._route.proxy is not None:
            session.proxies = {"all": self._route.proxy.address}
        for scheme in ("https://", "http://"):
            session.mount(scheme, BoundedAdapter(total=seconds, tls=tls))
        return client

    def _check(self, response: Response, *_args: Any, **_kwargs: Any) -> None:
        if self._observe is not None:
            self._observe(response.request, response)
        if self._budget is not None and limit_is_near(response.headers):
            self._budget.slow_down()
        self.account = account_of(response)
        if response.status_code == _PROXY_LOGIN:
            raise proxy_login_refused(self._route)
        try:
            check_response(response, now=self._clock.now())
        except JiraUnavailable as error:
            proxy = self._route.proxy
            if proxy is not None and self._settings.jira_base_url.startswith("http://"):
                # In plain HTTP the proxy's own answers look like Jira's.
                error.message += f" (through the proxy {proxy.name})"
            raise


def limit_is_near(headers: Mapping[str, str]) -> bool:
    """Whether less than a tenth of Jira's allowance is left, or Jira says that it is near."""
    if headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true":
        return True
    try:
        left = float(headers.get("X-RateLimit-Remaining", ""))
        size = float(headers.get("X-RateLimit-Limit", "0"))
    except ValueError:
        return False
    return left <= size / 10


def _credentials(settings: Settings) -> dict[str, Any]:
    """The library's credentials: a PAT, unless JIRA_DEPLOYMENT says Cloud."""
    basic = bool(settings.jira_email and settings.jira_api_token)
    cloud = settings.jira_deployment is Deployment.CLOUD
    if settings.jira_pat is not None and not (cloud and basic):
        return {"token_auth": _bearer(settings.jira_pat.get_secret_value().strip())}
    if settings.jira_email and settings.jira_api_token is not None:
        return {"basic_auth": _basic(settings.jira_email, settings.jira_api_token)}
    raise JiraCredentialsRefused(
        "no Jira credentials are set: JIRA_EMAIL with JIRA_API_TOKEN for Cloud, "
        "JIRA_PAT for Data Center"
    )


def _bearer(token: str) -> str:
    """The token, if a header can hold it: the libraries below put others into their errors."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise JiraCredentialsRefused("the Jira credentials hold characters that cannot be sent")
    return token


def _basic(user: str, password: SecretStr) -> tuple[bytes, bytes]:
    """User and password in UTF-8, without surrounding white space (RFC 7617).

    On Data Center it is a password of a person's choice, with any character but control ones.
    """
    texts = user.strip(), password.get_secret_value().strip()
    control = any(unicodedata.category(character) == "Cc" for character in "".join(texts))
    if control or ":" in texts[0] or not all(texts):
        raise JiraCredentialsRefused(
            "the Jira credentials hold characters that cannot be sent, or JIRA_EMAIL a colon"
        )
    return texts[0].encode(), texts[1].encode()
