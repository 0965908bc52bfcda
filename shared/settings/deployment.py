"""Cloud or Data Center: what ``serverInfo`` says, or what the settings suggest if it is refused."""

from urllib.parse import urlsplit

from shared.settings.model import Deployment, Settings

_CLOUD_HOSTS = (".atlassian.net", ".atlassian.com", ".jira.com")
_GATEWAY_PATH = "/ex/jira/"


def deduced(settings: Settings) -> tuple[Deployment, str]:
    """The product that the settings suggest, and by what.

    If it is the other one, reads still find an endpoint that answers (``worker.jira.reads``).
    """
    address = urlsplit(settings.jira_base_url)
    host = address.hostname or ""
    if host.endswith(_CLOUD_HOSTS) or _GATEWAY_PATH in f"{address.path}/":
        return Deployment.CLOUD, "as JIRA_BASE_URL is an address of Atlassian's Cloud"
    if settings.jira_pat and not settings.jira_api_token:
        return Deployment.DATACENTER, "as JIRA_PAT is set"
    return Deployment.CLOUD, "as JIRA_EMAIL and JIRA_API_TOKEN are set"
