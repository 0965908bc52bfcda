"""The key that signs the dashboard's sessions: from the settings, or generated and stored."""

import contextlib
import os
import secrets

from shared.logs import get_logger
from shared.settings import Settings

log = get_logger(__name__)

FILE = "secret-key"


def session_key(settings: Settings) -> str:
    """``ROUTECARD_SECRET_KEY``, else the key stored in ``ROUTECARD_HOME``, generated at first use.

    If that folder cannot be written, the key is this process's own: logins end with the process,
    and a warning is logged.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.home / FILE
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
        kept = path.read_text().strip()
    except OSError as error:
        log.warning("session_key_not_kept", error=type(error).__name__)
        kept = ""
    return kept or secrets.token_urlsafe(48)
