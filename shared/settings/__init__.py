"""The settings: read from the environment once, checked, and passed on."""

from shared.settings.embedded import EMBEDDED_FILE, read_embedded
from shared.settings.loading import (
    METRICS_FOLDER,
    load_settings,
    metrics_folder,
    process_environment,
)
from shared.settings.model import (
    ALL_PROJECTS,
    JIRA_CONNECT_SECONDS,
    AuthMode,
    Deployment,
    Settings,
)

__all__ = [
    "ALL_PROJECTS",
    "EMBEDDED_FILE",
    "JIRA_CONNECT_SECONDS",
    "METRICS_FOLDER",
    "AuthMode",
    "Deployment",
    "Settings",
    "load_settings",
    "metrics_folder",
    "process_environment",
    "read_embedded",
]
