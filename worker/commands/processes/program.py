"""Replace this process by the program it starts, so that signals reach that directly."""

import os
import sys
from typing import NoReturn

from shared.settings import Settings


def check_servers(settings: Settings) -> None:
    """Raise SettingsError if no database or broker is set: the program would only crash."""
    settings.database_dsn()
    settings.redis_dsn()


def become(module: str, *arguments: str) -> NoReturn:
    """Replace this process by `python -m module arguments`, in the same environment."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606  no shell is wanted
