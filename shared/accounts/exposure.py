"""The check at start that an API which others can reach has a credential to ask for."""

import ipaddress
import threading

from sqlalchemy import create_engine, pool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.accounts import operators
from shared.accounts import tokens as access_tokens
from shared.errors import SettingsError
from shared.settings import Settings

CHECK_SECONDS = 8.0
"""How long the check may take: the server must refuse within 10 s (spec/API.md, "Access")."""


def is_loopback(host: str) -> bool:
    """Whether a server that listens on ``host`` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings) -> None:
    """Refuse to listen beyond loopback while no credential exists.

    Raises SettingsError, which names the setting and the remedy (spec/API.md, "Access").
    """
    if is_loopback(settings.host):
        return
    where = f"ROUTECARD_HOST is {settings.host}, which others can reach"
    found = _credential_exists(settings)
    if found is None:
        raise SettingsError(
            f"{where}, and the database cannot be asked whether there is a credential to check "
            "them against: the server does not start. See that DATABASE_URL is right, that "
            "PostgreSQL answers and that `routecard migrate` has run, or use ROUTECARD_HOST="
            "127.0.0.1."
        )
    if not found:
        raise SettingsError(
            f"{where}, and there is no credential to ask them for: the server does not start. "
            "Make one with `routecard token create --name NAME --scope SCOPE` (or `routecard user "
            "add NAME` for the dashboard), or use ROUTECARD_HOST=127.0.0.1."
        )


def _credential_exists(settings: Settings) -> bool | None:
    """None if the database does not answer in time; a connection can hang without an error."""
    try:
        dsn = settings.database_dsn()
    except SettingsError:
        return None
    answers: list[bool] = []
    thread = threading.Thread(target=_ask, args=(dsn, answers), daemon=True)
    thread.start()
    thread.join(CHECK_SECONDS)
    return answers[0] if answers else None


def _ask(dsn: str, answers: list[bool]) -> None:
    options = "-c statement_timeout=3000 -c lock_timeout=3000"
    engine = create_engine(
        dsn, poolclass=pool.NullPool, connect_args={"connect_timeout": 3, "options": options}
    )
    try:
        with Session(engine) as session:
            answers.append(access_tokens.any_in_use(session) or operators.any_in_use(session))
    except SQLAlchemyError:
        return
    finally:
        engine.dispose()
