"""Who may reach the API: open mode, and the check at start that a credential exists."""

import threading
from collections.abc import Callable

from sqlalchemy import create_engine, pool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.accounts import operators
from shared.accounts import tokens as access_tokens
from shared.errors import SettingsError
from shared.logs import get_logger
from shared.settings import AuthMode, Settings, is_loopback

CHECK_SECONDS = 8.0
"""How long the check may take: the server must refuse within 10 s (spec/API.md, "Access")."""
MAKE_ONE = (
    "`routecard token create --name NAME --scope SCOPE` for the API, "
    "`routecard user add NAME` for the dashboard"
)
"""The commands that make a credential, for messages."""

log = get_logger(__name__)


def open_mode_possible(settings: Settings, *, under_dev: bool) -> bool:
    """Whether this process has an open mode while no credential exists (spec/API.md, "Access").

    ``under_dev``: whether `routecard dev` started it (``shared.accounts.run_proof``).
    """
    return (
        under_dev
        and settings.auth is AuthMode.AUTO
        and settings.trusted_proxies == 0
        and is_loopback(settings.host)
    )


def any_credential_made(session: Session) -> bool:
    """Whether a token or an operator was ever made; revoked and removed ones count."""
    return access_tokens.any_made(session) or operators.any_made(session)


def check_exposure(settings: Settings) -> None:
    """Refuse to listen beyond loopback while no credential exists.

    Raises SettingsError, which names the setting and the remedy (spec/API.md, "Access").
    """
    if is_loopback(settings.host):
        return
    where = f"ROUTECARD_HOST is {settings.host}, which others can reach"
    found = credential_exists(settings)
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
            f"Make one ({MAKE_ONE}), or use ROUTECARD_HOST=127.0.0.1."
        )


def report_access(settings: Settings, *, under_dev: bool) -> None:
    """Log which mode is on, and whether there is no credential to ask for.

    It does so in the background, because the database may be slow to answer.
    """
    possible = open_mode_possible(settings, under_dev=under_dev)
    threading.Thread(target=_report, args=(settings, possible), daemon=True).start()


def _report(settings: Settings, possible: bool) -> None:  # noqa: FBT001  a thread's argument
    if possible and not _ask(settings, any_credential_made):
        log.warning("access_open", until="the first token or operator is made")
        return
    log.info("access_required", auth=settings.auth.value)
    if credential_exists(settings) is False:
        log.warning("no_credential", effect="every request is refused", remedy=MAKE_ONE)


def credential_exists(settings: Settings) -> bool | None:
    """Whether a token or an operator is in use; None if the database does not answer in time."""
    return _ask(settings, _any_credential_in_use)


def _any_credential_in_use(session: Session) -> bool:
    return access_tokens.any_in_use(session) or operators.any_in_use(session)


def _ask(settings: Settings, question: Callable[[Session], bool]) -> bool | None:
    """The database's answer, None without one in time: a connection can hang without an error."""
    try:
        dsn = settings.database_dsn()
    except SettingsError:
        return None
    answers: list[bool] = []
    thread = threading.Thread(target=_ask_at, args=(dsn, question, answers), daemon=True)
    thread.start()
    thread.join(CHECK_SECONDS)
    return answers[0] if answers else None


def _ask_at(dsn: str, question: Callable[[Session], bool], answers: list[bool]) -> None:
    options = "-c statement_timeout=3000 -c lock_timeout=3000"
    engine = create_engine(
        dsn, poolclass=pool.NullPool, connect_args={"connect_timeout": 3, "options": options}
    )
    try:
        with Session(engine) as session:
            answers.append(question(session))
    except SQLAlchemyError:
        return
    finally:
        engine.dispose()
