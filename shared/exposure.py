"""Who can reach the API: on loopback this machine, beyond it whoever holds a credential."""

import ipaddress

from shared.errors import SettingsError
from shared.settings import Settings


def is_loopback(host: str) -> bool:
    """Whether a server that listens on ``host`` is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings) -> None:
    """Refuse to listen beyond loopback while nobody could be asked for a credential.

    Raises SettingsError that names the setting and the remedy (spec/API.md, "Access").
    """
    if is_loopback(settings.host):
        return
    raise SettingsError(
        f"ROUTECARD_HOST is {settings.host}, which others can reach, and there is no API token "
        "to ask them for: the server does not start. Use 127.0.0.1 and a reverse proxy on this "
        "machine, or make a token first."
    )
