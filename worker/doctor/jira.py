"""Checks of Jira: does it answer, are the credentials valid, may the account see the projects."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

from shared.clock import Clock
from shared.settings import Deployment, Settings
from shared.settings.deployment import deduced
from shared.settings.issue_keys import CLOUD_PATTERN, key_pattern
from worker.doctor.findings import Finding, Status, fail, ok, warn
from worker.jira.client import SERVER_INFO, Jira
from worker.jira.credentials import MYSELF
from worker.jira.endpoints import is_info_refused
from worker.jira.errors import (
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraError,
    JiraScopeMissing,
    SearchUnavailable,
)
from worker.jira.port import Account, ServerInfo

_SOON_DAYS = 14
_JWT_PARTS = 3
SCOPES = (
    "Create a token that has the scope read:jira-work, or all granular scopes that Atlassian's "
    "documentation names for the call."
)
_GATEWAY = "https://api.atlassian.com/ex/jira/{cloudId}"


def connection(jira: Jira, settings: Settings) -> tuple[Finding, ServerInfo | None]:
    """Whether a Jira answers at the address, and which product and version it is."""
    if not settings.jira_base_url:
        remedy = "Set JIRA_BASE_URL to the address of your Jira."
        return fail("jira", "JIRA_BASE_URL is not set.", remedy), None
    host = urlsplit(settings.jira_base_url).hostname
    try:
        info = jira.server_info()
    except JiraError as error:
        if is_info_refused(error) and _answers(jira):
            return ok("jira", f"A Jira answers at {host}, but does not say which."), None
        if isinstance(error, JiraCredentialsRefused | JiraCaptchaLock):
            return ok("jira", f"A Jira answers at {host}, but refuses our credentials."), None
        remedy = "Check JIRA_BASE_URL, and network, proxy and firewall between here and Jira."
        return fail("jira", f"{host}: {error.message}.", error.remedy or remedy), None
    message = f"{_product(info.deployment)} {info.version} answers at {host}."
    return ok("jira", message), info


def plain_http(settings: Settings) -> Finding:
    """The warning that our credentials can be read on their way."""
    host = urlsplit(settings.jira_base_url).hostname
    return warn(
        "jira_encryption",
        f"Requests to {host} use plain http: whoever is on the way can read our credentials.",
        "Set JIRA_BASE_URL to the https:// address.",
    )


def _answers(jira: Jira) -> bool:
    """Whether other calls are answered where ``serverInfo`` is refused, also by a refusal."""
    try:
        jira.verify()
    except (JiraCredentialsRefused, JiraCaptchaLock, JiraScopeMissing):
        return True
    except JiraError:
        return False
    return True


def deployment(jira: Jira, info: ServerInfo | None, settings: Settings) -> Finding:
    """Whether it is the product that the settings name."""
    configured = settings.jira_deployment
    if info is None:
        return _undisclosed(jira, settings)
    if configured is Deployment.AUTO and _keys_too_narrow(info, settings):
        return warn(
            "deployment",
            "It is used as Jira Data Center, but the settings alone do not say so, and the API "
            "takes Cloud's ticket keys only: 4ME-12 would be refused.",
            "Set JIRA_DEPLOYMENT=datacenter, or JIRA_KEY_PATTERN.",
        )
    if configured in (Deployment.AUTO, info.deployment):
        return ok("deployment", f"It is used as {_product(info.deployment)}.")
    return fail(
        "deployment",
        f"JIRA_DEPLOYMENT is {configured}, but Jira says that it is {_product(info.deployment)}.",
        f"Set JIRA_DEPLOYMENT={info.deployment.value}, or remove the setting.",
    )


def _keys_too_narrow(info: ServerInfo, settings: Settings) -> bool:
    chosen = info.deployment is Deployment.DATACENTER and not settings.jira_key_pattern
    return chosen and key_pattern(settings) == CLOUD_PATTERN


def _undisclosed(jira: Jira, settings: Settings) -> Finding:
    """Where ``serverInfo`` does not tell it."""
    try:
        kind = jira.deployment()
    except JiraError:
        return warn(
            "deployment",
            "Unknown until Jira accepts our credentials.",
            "See the finding credentials.",
        )
    if settings.jira_deployment is not Deployment.AUTO:
        return ok("deployment", f"It is used as {_product(kind)}, as JIRA_DEPLOYMENT says.")
    refusal = jira.refusals().get(SERVER_INFO)
    why = f"serverInfo is refused: {refusal.message}" if refusal else "serverInfo is refused"
    return warn(
        "deployment",
        f"Jira does not say what it is ({why}). It is used as {_product(kind)}, "
        f"{deduced(settings)[1]}.",
        f"Set JIRA_DEPLOYMENT={kind.value} if that is right.",
    )


def _product(kind: Deployment) -> str:
    return "Jira Cloud" if kind is Deployment.CLOUD else "Jira Data Center"


def credentials(jira: Jira, settings: Settings, clock: Clock) -> Finding:
    """Whose credentials they are, whether Jira accepts them, and when they expire."""
    try:
        account = jira.verify()
    except JiraCaptchaLock as error:
        return fail(
            "credentials",
            f"{error.message}.",
            "Log in once with a browser as this account, then run `routecard resume`.",
        )
    except JiraCredentialsRefused as error:
        return fail("credentials", f"{error.message}.", error.remedy or _remedy(settings))
    except JiraScopeMissing as error:
        return fail("credentials", f"{error.message}.", SCOPES)
    except JiraError as error:
        return fail("credentials", f"{error.message}.", "See the finding jira.")
    refusal = jira.refusals().get(MYSELF)
    if refusal is not None:
        return _unnamed(account, refusal)
    return _accepted(account, settings, clock.now())


def _unnamed(account: Account, refusal: JiraError) -> Finding:
    """Good credentials of an account that may not ask who it is."""
    name = f" as {account.display_name}" if account.display_name else ""
    remedy = "Jobs are filled all the same. To see the account here, "
    if isinstance(refusal, JiraScopeMissing):
        remedy += "create a token that also has the scope read:jira-user."
    else:
        remedy += "let the gateway or proxy before Jira pass GET /rest/api/2/myself."
    return warn(
        "credentials",
        f"Jira accepts our credentials{name}, as a read shows, but does not say whose they are: "
        f"{refusal.message}.",
        remedy,
    )


def _remedy(settings: Settings) -> str:
    if settings.jira_pat is not None:
        return "Create a new personal access token in Jira (Profile) and set JIRA_PAT."
    return (
        "Create a new API token at id.atlassian.com and set JIRA_EMAIL and JIRA_API_TOKEN. "
        f"A token with scopes works only with JIRA_BASE_URL={_GATEWAY}; the cloudId is at "
        "https://<site>.atlassian.net/_edge/tenant_info."
    )


def _accepted(account: Account, settings: Settings, now: datetime) -> Finding:
    name = f"{account.display_name} ({account.email})" if account.email else account.display_name
    expires = _expiry(settings)
    if expires is None:
        where = "in its profile" if settings.jira_pat else "at id.atlassian.com"
        return ok(
            "credentials",
            f"Jira knows us as {name}. Only the token's owner can see when it expires, {where}: "
            "at most a year after its creation.",
        )
    message = f"Jira knows us as {name}; the token expires on {expires:%Y-%m-%d}."
    if (expires - now).days < _SOON_DAYS:
        return warn("credentials", message, _remedy(settings))
    return ok("credentials", message)


def _expiry(settings: Settings) -> datetime | None:
    """The expiry date in an OAuth access token; other tokens hold none."""
    token = settings.jira_pat.get_secret_value() if settings.jira_pat else ""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, binascii.Error):
        return None


def projects(jira: Jira, settings: Settings) -> Iterator[Finding]:
    """Whether each project in JIRA_PROJECT can be polled."""
    for project in settings.allowed_projects:
        name = f"project_{project}"
        try:
            problem = jira.project_problem(project)
        except (JiraScopeMissing, SearchUnavailable):
            return  # All searches are refused: the finding search or bulk_reads says so.
        except JiraError as error:
            yield fail(name, f"{error.message}.", "Run this again when Jira answers.")
            return
        if problem is None:
            yield ok(name, f"Our account may browse project {project}.")
        else:
            yield fail(
                name,
                f"{project} cannot be polled: {problem.rstrip('.')}. The other projects are.",
                f"Give the account Browse Projects in {project}, or correct or remove it in "
                "JIRA_PROJECT.",
            )


def usable_projects(findings: Sequence[Finding], settings: Settings) -> tuple[str, ...]:
    """The projects in JIRA_PROJECT that ``projects`` found no problem with."""
    bad = {one.name for one in findings if one.status is not Status.OK}
    return tuple(p for p in settings.allowed_projects if f"project_{p}" not in bad)
