"""The settings: read from the environment once, checked, and passed on."""

from shared.settings.addresses import is_loopback
from shared.settings.embedded import EMBEDDED_FILE, read_embedded
from shared.settings.loading import (
    ENV_FILE,
    METRICS_FOLDER,
    RUN_PROOF,
    load_settings,
    metrics_folder,
    process_environment,
    run_proof,
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
    "ENV_FILE",
    "JIRA_CONNECT_SECONDS",
    "METRICS_FOLDER",
    "RUN_PROOF",
    "AuthMode",
    "Deployment",
    "Settings",
    "is_loopback",
    "load_settings",
    "metrics_folder",
    "process_environment",
    "read_embedded",
    "run_proof",
]
