"""Reads the settings from the environment and `.env`; nothing else reads them."""

import os
from typing import Any, Final

from pydantic import ValidationError

from shared.errors import SettingsError
from shared.settings.embedded import read_embedded
from shared.settings.model import Settings

ENV_FILE: Final = ".env"
"""Settings that the environment does not hold, read from the working folder."""


def load_settings(*, own_jira: bool = False) -> Settings:
    """The settings of every program, from the first place that gives each one.

    The places: the environment, `.env` in the working folder, and for ``JIRA_*`` what the
    `routecard dev` that last ran in this home left behind about its simulated Jira. The last one
    counts only without a JIRA_BASE_URL of one's own, and not with ``own_jira``. Raises
    SettingsError, which names each bad setting but no secret.
    """
    try:
        given = _read()
        simulated = {} if given.jira_base_url or own_jira else _simulated(given)
        return _read(simulated) if simulated else given
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _read(left_behind: dict[str, Any] | None = None) -> Settings:
    try:
        return Settings(_env_file=ENV_FILE, **(left_behind or {}))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The file {ENV_FILE} in the working folder cannot be read ({type(error).__name__})."
        ) from None


def _simulated(given: Settings) -> dict[str, Any]:
    """The settings of the simulated Jira that are not ``given``."""
    own = {Settings.model_fields[field].validation_alias for field in given.model_fields_set}
    known = {n: v for n, v in read_embedded(given.home).items() if n.startswith("JIRA_") and v}
    kept = {name: value for name, value in known.items() if name not in own}
    # A proxy does not serve addresses of this machine.
    return {**kept, "NO_PROXY": "*"} if kept else {}


METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which several API processes share metrics; prometheus-client reads it too."""


def metrics_folder() -> str | None:
    """The folder, or None if there is only one API process."""
    return os.environ.get(METRICS_FOLDER) or None  # noqa: TID251  this module reads the environment


RUN_PROOF = "ROUTECARD_RUN_PROOF"
"""What `routecard dev` gives its API process; no setting (``shared.accounts.run_proof``)."""


def run_proof() -> str:
    """The proof that this process was given, "" if none."""
    return os.environ.get(RUN_PROOF, "")  # noqa: TID251  this module reads the environment


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
