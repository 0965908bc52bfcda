"""Reads the settings from the environment; nothing else reads it."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.errors import SettingsError
from shared.settings.embedded import read_embedded
from shared.settings.model import Settings


def load_settings(*, own_jira: bool = False) -> Settings:
    """Read the environment. Raises SettingsError, which names each bad setting but no secret.

    Without JIRA_BASE_URL, the simulated Jira that `routecard dev` last started in this home is
    used, with its field mapping; not with ``own_jira``.
    """
    try:
        settings = Settings()
        simulated = {} if settings.jira_base_url or own_jira else _simulated(settings.home)
        return Settings(**simulated) if simulated else settings
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _simulated(home: Path) -> dict[str, Any]:
    known = {n: v for n, v in read_embedded(home).items() if n.startswith("JIRA_") and v}
    # A proxy does not serve addresses of this machine.
    return {**known, "NO_PROXY": "*"} if known else {}


METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which several API processes share metrics; prometheus-client reads it too."""


def metrics_folder() -> str | None:
    """The folder, or None if there is only one API process."""
    return os.environ.get(METRICS_FOLDER) or None  # noqa: TID251  this module reads the environment


def process_environment() -> dict[str, str]:
    """A copy of the environment, for the programs we start."""
    return dict(os.environ)  # noqa: TID251  this module reads the environment


def _explain(error: ValidationError) -> str:
    lines = [f"  {_name(problem)}: {_problem(problem)}" for problem in error.errors()]
    return "These settings are not usable:\n" + "\n".join(lines)


def _name(problem: Any) -> str:
    return str(problem["loc"][0]) if problem["loc"] else "settings"


def _problem(problem: Any) -> str:
    text = str(problem["msg"]).removeprefix("Value error, ")
    field = next(
        (f for f in Settings.model_fields.values() if f.validation_alias == _name(problem)), None
    )
    return f"{text}. It means: {field.description}" if field else text
